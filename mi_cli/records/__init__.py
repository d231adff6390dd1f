"""The files that a run writes to its folder: results, journal, saved config, provenance.

The modules that import polars are imported when they are first used.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
