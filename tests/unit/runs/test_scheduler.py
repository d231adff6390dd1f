"""What a run says as it begins."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console

from mi_cli.runs.scheduler import _announce_folder


@pytest.mark.parametrize(("terminal", "said"), [(True, "folder: outputs/represent/run\n"), (False, "")])
def test_a_terminal_shows_the_folder_at_the_start(terminal, said):
    console = Console(file=io.StringIO(), force_terminal=terminal, color_system=None)
    _announce_folder(Path("outputs/represent/run"), console)
    assert console.file.getvalue() == said
