import tomllib
from pathlib import Path

import pytest

from mi_cli.compose.composition_errors import _EXTRAS
from mi_cli.registry.extras import TRACKERS, how_to_install

ROOT = Path(__file__).parents[3]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


@pytest.mark.parametrize("extra", sorted({*TRACKERS, *_EXTRAS.values(), "duckdb", "excel", "flow", "search"}))
def test_extras_that_messages_name_exist(extra):
    assert extra in PROJECT["optional-dependencies"]
    assert how_to_install(extra) == f"pip install '.[{extra}]' in a checkout of mi-run"


def test_nobody_is_told_to_install_from_an_index():
    """mi-run is on none: a package of its name there would be another one."""
    told = [
        *ROOT.glob("*.md"),
        *(ROOT / "docs").glob("*.md"),
        *ROOT.glob("mi_cli/**/*.py"),
        *ROOT.glob("configs/**/*.yaml"),
    ]
    assert len(told) > 300
    assert [str(path) for path in told if "pip install 'mi-cli" in path.read_text(encoding="utf-8")] == []
