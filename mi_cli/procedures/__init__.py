"""The procedures, a class for each name that a config can give (``procedure``), and what they are made of.

Modules that import torch or scikit-learn are imported when they are first used, as in ``procedures.splits.parts``, so
that a config can be validated without them. ``__init__.pyi`` lists them.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
