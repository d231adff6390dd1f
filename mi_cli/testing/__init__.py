"""The contracts of estimators, datasets, procedures and objectives, for the tests of packages that add some.

::

    from mi_cli.testing import check_dataset, check_estimator, check_procedure

    def test_contracts():
        check_dataset(Rings)
        check_estimator(Theirs)
        check_procedure(Impute)

Each raises AssertionError at the first contract that is broken, and its message names the contract. The functions that
end in ``_checks`` give the same checks one by one, for ``pytest.mark.parametrize``. Nothing here needs pytest.
"""

from mi_cli.testing.checks import Check
from mi_cli.testing.datasets import check_dataset, dataset_checks
from mi_cli.testing.estimators import check_estimator, estimator_checks
from mi_cli.testing.objectives import check_objective, objective_checks
from mi_cli.testing.procedures import check_procedure, procedure_checks

__all__ = [
    "Check",
    "check_dataset",
    "check_estimator",
    "check_objective",
    "check_procedure",
    "dataset_checks",
    "estimator_checks",
    "objective_checks",
    "procedure_checks",
]
