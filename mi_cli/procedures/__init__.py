"""The procedures, a class for each name that a config can give (``procedure``), and what they are made of.

``estimate.py``, ``maximise.py`` and ``compare.py`` have one procedure each, ``base.py`` their base class. The other
modules are what procedures are made of: ``splits.py`` draws and splits the rows of a trial, ``crossfit.py`` makes
folds, ``estimation.py`` estimates, ``encoders.py`` and ``probes.py`` train encoders and judge their codes.

Modules that import torch or scikit-learn are imported when they are first used, as in ``procedures.splits.split_rows``,
so that a config can be validated without them. ``__init__.pyi`` lists them.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
