"""Bounds on MI as pure functions of scores, with their standard errors.

Each name is imported when it is first used, so that light modules can import this package without loading torch.
``__init__.pyi`` says where each name is defined.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
