"""The commands: their arguments, signals, exit codes, and the call into Hydra.

``main`` and what it imports are light. The other modules import Hydra, pydantic and more, and are imported when they
are first used.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
