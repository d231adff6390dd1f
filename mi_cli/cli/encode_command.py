"""``mi-run encode run=FOLDER data=new.csv output=codes.parquet``: rows of a file, encoded by what a run has kept."""

from __future__ import annotations

import logging
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mi_cli import representations
from mi_cli.cli.exits import FINE
from mi_cli.console import printing
from mi_cli.errors import ConfigError, Fault, counted, listed
from mi_cli.files import expanded_path
from mi_cli.lazy import np, pl

__all__ = ["FORMATS", "data_paths", "encode", "settings", "write_batches"]

FORMATS = ".parquet, .feather, .csv, .npy"
_USAGE = "mi-run encode run=FOLDER data=new.csv output=codes.parquet"


def encode(words: Sequence[str]) -> int:
    """Encode the rows of a file and write their codes; return the exit code.

    Args:
        words: what was typed after ``encode``: ``run=``, ``data=``, ``output=``, ``extra=`` and ``trust=``.

    Raises:
        ConfigError: a word is no such setting, the run has no encoder, the data have other columns, or the output
            cannot be written.
    """
    given = settings(words, ("run", "data", "output"), {"extra": "ignore", "trust": "false"}, _USAGE)
    for key, options in {"extra": ("ignore", "refuse"), "trust": ("false", "true")}.items():
        if given[key] not in options:
            raise ConfigError(Fault(key, given[key], accepted=listed(options)))
    output = output_path(given["output"])
    encoder = representations.load_encoder(given["run"], trust=given["trust"] == "true")
    batches = encoder.batches(data_paths(given["data"]), "refuse" if given["extra"] == "refuse" else "ignore")
    with _warnings_as_lines():
        rows = write_batches(output, dict.fromkeys(encoder.code_names, "Float64"), batches)
    with printing():
        print(f"mi-run: {counted(rows, 'row')} with {counted(encoder.dim, 'column')}: {output}")
    return FINE


@contextmanager
def _warnings_as_lines() -> Iterator[None]:
    """Print what is logged as lines of the command."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("mi-run: %(message)s"))
    log = logging.getLogger("mi_cli")
    log.addHandler(handler)
    try:
        yield
    finally:
        log.removeHandler(handler)


def settings(words: Sequence[str], needed: Sequence[str], others: dict[str, str], usage: str) -> dict[str, str]:
    """The settings of a command, from words ``key=value``.

    Args:
        words: what was typed.
        needed: keys without a default.
        others: defaults of the others.
        usage: an example of the command.

    Raises:
        ConfigError: a word is no setting, a key is given twice, or one that is needed is absent.
    """
    given: dict[str, str] = {}
    for word in words:
        key, equals, value = word.partition("=")
        if not equals or key not in (*needed, *others):
            accepted = ", ".join((*needed, *others))
            raise ConfigError(Fault(word, problem="is no setting", accepted=accepted, command=usage))
        if key in given:
            raise ConfigError(Fault(key, value, "is given twice", "one value"))
        given[key] = value
    for key in needed:
        if not given.get(key):
            raise ConfigError(Fault(key, problem="is not given", command=usage))
    return others | given


def data_paths(text: str) -> list[str]:
    """The files of ``data=``: a path, a glob, or a list ``[a.csv, b.csv]``."""
    is_list = text.startswith("[") and text.endswith("]") and not expanded_path(text).exists()
    paths = [part.strip().strip("'\"") for part in text[1:-1].split(",")] if is_list else [text]
    return [path for path in paths if path]


def output_path(text: str) -> Path:
    """The file that is written.

    Raises:
        ConfigError: it exists, its folder does not, or its format is not known.
    """
    path = expanded_path(text)
    if path.suffix.lower() not in FORMATS.split(", "):
        raise ConfigError(Fault("output", path, "is of no known format", FORMATS))
    if not path.absolute().parent.is_dir():
        raise ConfigError(Fault("output", path, "is in no folder that exists", "a file in one that does"))
    if path.exists():
        raise ConfigError(Fault("output", path, "exists", "a new file"))
    return path


def write_batches(output: Path, columns: Mapping[str, str], batches: Iterator[np.ndarray]) -> int:
    """Write batches of rows ``(n, d)`` to a file, which is there once it is complete; return the number of rows.

    Each batch is written at once, so that all of them need not fit in memory. NaN is a missing value.

    Args:
        output: the file.
        columns: the type of each column, by its name, as Polars calls it; in ``.npy`` all are float64.
        batches: of rows.

    Raises:
        ConfigError: a file cannot be written.
    """
    try:
        folder = Path(tempfile.mkdtemp(prefix=f".{output.name}.", dir=output.absolute().parent))
        try:
            parts: list[Path] = []
            rows = 0
            for batch in batches:
                parts.append(folder / f"{len(parts):06}.npy")
                np.save(parts[-1], batch, allow_pickle=False)
                rows += len(batch)
            whole = folder / output.name
            _WRITERS[output.suffix.lower()](whole, columns, parts)
            whole.replace(output)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    except OSError as error:
        problem = f"cannot be written ({error.strerror})"
        raise ConfigError(Fault("output", output, problem, "a folder that one can write to, with space")) from None
    return rows


def _frame(columns: Mapping[str, str], part: Path) -> pl.DataFrame:
    frame = pl.from_numpy(np.load(part, allow_pickle=False), schema=list(columns)).fill_nan(None)
    return frame.cast(_schema(columns))


def _schema(columns: Mapping[str, str]) -> Any:
    return {name: getattr(pl, kind) for name, kind in columns.items()}


def _write_csv(whole: Path, columns: Mapping[str, str], parts: Sequence[Path]) -> None:
    with whole.open("wb") as opened:
        pl.DataFrame(schema=_schema(columns)).write_csv(opened)
        for part in parts:
            _frame(columns, part).write_csv(opened, include_header=False)


def _write_npy(whole: Path, columns: Mapping[str, str], parts: Sequence[Path]) -> None:
    loaded = [np.load(part, mmap_mode="r", allow_pickle=False) for part in parts]
    shape = (sum(map(len, loaded)), len(columns))
    written = np.lib.format.open_memmap(whole, mode="w+", dtype=np.float64, shape=shape)
    low = 0
    for part in loaded:
        written[low : low + len(part)] = part
        low += len(part)
    written.flush()


def _write_columns(whole: Path, columns: Mapping[str, str], parts: Sequence[Path]) -> None:
    """Write Parquet or Arrow's IPC."""
    pieces = [part.with_suffix(".ipc") for part in parts]
    for part, piece in zip(parts, pieces, strict=True):
        _frame(columns, part).write_ipc(piece)
        part.unlink()
    lazy = pl.scan_ipc(pieces, glob=False) if pieces else pl.LazyFrame(schema=_schema(columns))
    (lazy.sink_parquet if whole.suffix.lower() == ".parquet" else lazy.sink_ipc)(whole)


_WRITERS: dict[str, Callable[[Path, Mapping[str, str], Sequence[Path]], None]] = {
    ".csv": _write_csv,
    ".npy": _write_npy,
    ".parquet": _write_columns,
    ".feather": _write_columns,
}
