"""Representations of a table's rows: columns are encoded, encoders are trained on them, kept, and applied to new rows.

Each name is imported when it is first used, so that light modules can import this package without loading torch.
``__init__.pyi`` says where each name is defined.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
