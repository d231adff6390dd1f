import tomllib
from pathlib import Path

import pytest

from mi_cli.compose.composition_errors import _EXTRAS
from mi_cli.registry.extras import TRACKERS, how_to_install

PROJECT = tomllib.loads((Path(__file__).parents[3] / "pyproject.toml").read_text(encoding="utf-8"))["project"]


@pytest.mark.parametrize("extra", sorted({*TRACKERS, *_EXTRAS.values(), "excel", "flow", "search"}))
def test_extras_that_messages_name_exist(extra):
    assert extra in PROJECT["optional-dependencies"]
    assert how_to_install(extra) == f"pip install '.[{extra}]' in a checkout of mi-run"
