"""``mi-run score run=FOLDER data=new.csv output=scores.csv``: the pointwise MI of rows, by a run's critics."""

from __future__ import annotations

from collections.abc import Sequence

from mi_cli import procedures
from mi_cli.cli.encode_command import data_paths, output_path, settings, write_batches
from mi_cli.cli.exits import FINE
from mi_cli.console import printing
from mi_cli.errors import counted

__all__ = ["score"]

_USAGE = "mi-run score run=FOLDER data=new.csv output=scores.csv"
_COLUMNS = {"pmi": "Float64", "held_out": "Boolean", "critics": "Int64"}


def score(words: Sequence[str]) -> int:
    """Score the rows of a file and write their pointwise MI in nats; return the exit code.

    Args:
        words: what was typed after ``score``: ``run=``, ``data=`` and ``output=``.

    Raises:
        ConfigError: a word is no such setting, the run has no critics, the data have other columns, or the output
            cannot be written.
    """
    given = settings(words, ("run", "data", "output"), {}, _USAGE)
    output = output_path(given["output"])
    critics = procedures.kept_critics.load_critics(given["run"])
    rows = write_batches(output, _COLUMNS, critics.batches(data_paths(given["data"])))
    with printing():
        print(f"mi-run: {counted(rows, 'row')}: {output}")
    return FINE
