"""The plots, one in each module, by the name that an experiment gives it.

Each module has a function ``plot(records) -> Figure``, which reads nothing but the records of a run. What several
plots share is in the subpackage ``parts``.
"""
