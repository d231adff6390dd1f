"""Which code makes recorded trials unusable."""

from __future__ import annotations

import shutil

import pytest

from mi_cli.files import PACKAGE
from mi_cli.schema.fingerprints import TRIAL_CODE, code_digest


@pytest.fixture
def package(tmp_path):
    """A copy of the package, whose files a test may change."""
    return shutil.copytree(PACKAGE, tmp_path / "mi_cli", ignore=shutil.ignore_patterns("__pycache__", "configs"))


def edited(package, file):
    path = package / file
    assert path.is_file()
    before = code_digest(package)
    path.write_text(path.read_text(encoding="utf-8") + "\n# another comment\n", encoding="utf-8")
    code_digest.cache_clear()
    return code_digest(package) != before


@pytest.mark.parametrize(
    "file",
    [
        *("bounds/variational.py", "estimators/ksg.py", "procedures/estimate.py", "problems.py", "tabular/encoding.py"),
        "representations/training.py",
    ],
)
def test_an_edit_of_what_computes_a_trial_changes_the_digest(package, file):
    assert edited(package, file)


@pytest.mark.parametrize(
    "file",
    [
        *(
            "report/page.py",
            "api.py",
            "analysis/pairwise.py",
            "analysis/coverage.py",
            "analysis/claims.py",
            "cli/main.py",
        ),
        *("execution/scheduler.py", "schema/config.py", "records/results.py", "plots/forest.py", "compose/trust.py"),
    ],
)
def test_an_edit_of_anything_else_keeps_recorded_trials(package, file):
    assert not edited(package, file)


def test_a_new_module_of_the_science_changes_the_digest(package):
    before = code_digest(package)
    (package / "estimators" / "another.py").write_text('"""Another one."""\n', encoding="utf-8")
    code_digest.cache_clear()
    assert code_digest(package) != before


@pytest.mark.parametrize("part", TRIAL_CODE)
def test_a_layer_that_is_not_there_is_an_error(package, part):
    path = package / part
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    code_digest.cache_clear()
    with pytest.raises(FileNotFoundError):
        code_digest(package)
