"""Estimate mutual information (MI), maximise it, and compare what it is worth.

``dir(mi_cli)`` lists what is public:

==================  ==================================================================================================
``estimate``        the MI of two arrays or frames, as ``mi-run experiment=estimate`` computes it for a file
``run``             an experiment, as ``mi-run`` runs it; it returns a ``Run``
``runs``            the runs that folders hold, as ``Runs``
``Run``             a run: its results, summary, answer, figures and report
``Runs``            a sequence of runs, with one table of all their results
``Answer``          the result of ``estimate``: one answer from several estimators, or why it cannot be told
``Estimate``        its result with one estimator
``ConfigError``     what bad rows and settings raise; a ValueError, with one line for each fault
``Estimator``       base class of estimators; also :class:`mi_cli.estimators.base.Estimator`
``Dataset``         base class of datasets; also :class:`mi_cli.datasets.base.Dataset`
``Procedure``       base class of procedures; also :class:`mi_cli.procedures.base.Procedure`
``InfoMaxEncoder``  a transformer of scikit-learn that learns a representation of a table's rows
``MISelector``      a selector of scikit-learn: the columns that tell most of a target, and little of each other
``load_encoder``    an encoder that a run has kept, for rows of files, frames and arrays
``testing``         the contracts that estimators, datasets and procedures keep, for the tests of other packages
``bounds``          formulae: variational bounds, conditional bounds, intervals and p-values
``datasets``        distributions of x and y whose MI is known, and tables
``estimators``      estimators by name, one kind a module
``networks``        critics, encoders and densities, many of them trained at a time
``representations`` columns of a table encoded, and encoders that are trained on them
``training``        the optimisation that all of these share, and its settings
``fields``          types of fields, for classes that configs choose
``problems``        rows, problems and estimates: what estimators take and give
``__version__``     the version
==================  ==================================================================================================

In the modules of these packages, what ``__all__`` lists is public. Everything else is private by convention and may
change in any release, whether or not its name begins with an underscore.

Nothing heavy is imported until it is used: ``import mi_cli`` loads neither NumPy nor torch.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
