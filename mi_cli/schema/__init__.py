"""What a config may say: sections, types, sweep axes, fingerprints.

The names that this package itself offers are imported when they are first used: for those who must not import pydantic
unless they need it.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
