"""The lines of a CSV or TSV: they are counted, and some of them are read into columns.

The file is never in memory as a whole.
"""

from __future__ import annotations

import bz2
import csv
import gzip
import io
import lzma
import re
from codecs import BOM_UTF8, BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, BinaryIO, cast

from mi_cli.errors import ConfigError, counted
from mi_cli.lazy import np, pl
from mi_cli.tabular.columns import Array

__all__ = ["MISSING_VALUES", "DelimitedFile", "ParsedText", "parsed", "present"]

MISSING_VALUES = ("", "NA", "N/A", "n/a", "nan", "NaN", "null", "None", "?")  # text that stands for no value

_UTF8 = "a CSV in UTF-8"
_SEPARATOR = re.compile(rb"(?i)sep=.")  # a first line that spreadsheets write; it is no row of names
_THOUSANDS = r"^[-+]?[1-9]\d{0,2}(,\d{3})+(\.\d*)?$"
_BLOCK = 2**24  # bytes that are looked at together
_LONGEST = 2**26  # bytes of a line, or of lines that are read into columns together


class DelimitedFile:
    """A file of lines, of which the first that is not blank names the columns.

    Args:
        file: to read.
        error: makes the error of what is wrong with the file, and of what is accepted instead.
    """

    def __init__(self, file: Path, error: Callable[[str, str], ConfigError]) -> None:
        self.file, self.error = file, error

    @cached_property
    def header(self) -> tuple[tuple[str, ...], str, int]:
        """The names as they are written, what separates them, and the byte at which the rows begin."""
        with _opened(self.file) as opened:
            line, at = b"", 0
            opened.seek(len(BOM_UTF8) if opened.read(len(BOM_UTF8)) == BOM_UTF8 else 0)
            while not line.strip() or _SEPARATOR.fullmatch(line.strip()) or line.count(b'"') % 2:
                more = opened.readline(_LONGEST)
                if not more or len(line) > _LONGEST:
                    raise self.error("has no row of column names", "one, then rows")
                is_header = line.strip() and not _SEPARATOR.fullmatch(line.strip())
                line, at = (line if is_header else b"") + more, opened.tell()
        try:
            text = line.decode().strip("\r\n")
        except UnicodeDecodeError:
            what = "is UTF-16 text" if line.startswith((BOM_UTF16_LE, BOM_UTF16_BE)) else "is not UTF-8 text"
            raise self.error(what, _UTF8) from None
        if "\0" in text:
            raise self.error("is not text", _UTF8)
        if re.search(r"\r[^\n]", text):
            raise self.error("ends its lines with carriage returns alone", "lines that end with a newline")
        bare = re.sub(r'"[^"]*"', "", text)
        of_tabs = re.search(r"\.tsv(\.\w+)?$", self.file.name.lower())
        separator = "\t" if of_tabs else max(",;\t", key=bare.count)
        names = next(csv.reader(io.StringIO(text, newline=""), delimiter=separator))
        return tuple(map(str.strip, names)), separator, at

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The names of the columns; those without one are called ``column_0`` and so on, by their places."""
        return tuple(name or f"column_{number}" for number, name in enumerate(self.header[0]))

    @property
    def separator(self) -> str:
        """What separates the fields of a row."""
        return self.header[1]

    @cached_property
    def nameless(self) -> frozenset[str]:
        """The columns that have no name in the file, by the names that they get here."""
        return frozenset(name for name, written in zip(self.names, self.header[0], strict=True) if not written)

    def __len__(self) -> int:
        return sum(len(starts) for _, starts, _ in self._blocks())

    def rows(self, numbers: Array, columns: Sequence[str]) -> pl.DataFrame:
        """Rows as text, by their numbers from 0, which ascend."""
        pieces: list[pl.DataFrame] = []
        lines: list[bytes] = []
        size = first = done = 0
        for block, starts, ends in self._blocks():
            low, high = np.searchsorted(numbers, [first, first + len(starts)])
            for line in (numbers[low:high] - first).tolist():
                lines.append(block[starts[line] : ends[line]])
                size += len(lines[-1])
                if size > _LONGEST:
                    pieces.append(self._read(lines, numbers[done : done + len(lines)], columns))
                    done += len(lines)
                    lines, size = [], 0
            first += len(starts)
        if lines:
            pieces.append(self._read(lines, numbers[done:], columns))
        return pl.concat(pieces)

    def batches(self, columns: Sequence[str], rows: int) -> Iterator[tuple[Array, pl.DataFrame]]:
        """All rows as text, ``rows`` at a time, with their numbers from 0. Only some of the file is in memory."""
        lines: list[bytes] = []
        done = 0
        for block, starts, ends in self._blocks():
            for start, end in zip(starts.tolist(), ends.tolist(), strict=True):
                lines.append(block[start:end])
                if len(lines) == rows:
                    yield self._batch(lines, done, columns)
                    done, lines = done + rows, []
        if lines:
            yield self._batch(lines, done, columns)

    def _batch(self, lines: Sequence[bytes], first: int, columns: Sequence[str]) -> tuple[Array, pl.DataFrame]:
        numbers = np.arange(first, first + len(lines))
        return numbers, self._read(lines, numbers, columns)

    def _blocks(self) -> Iterator[tuple[bytes, Array, Array]]:
        """Whole lines, some megabytes at a time, and where each starts and ends; blank ones are left out."""
        with _opened(self.file) as opened:
            opened.seek(self.header[2])
            rest, more = b"", True
            while more:
                read = opened.read(_BLOCK)
                block, more = rest + read, bool(read)
                if not more and block and not block.endswith(b"\n"):
                    block += b"\n"
                letters = np.frombuffer(block, np.uint8)
                ends = np.flatnonzero(letters == ord("\n")) + 1
                if b'"' in block:  # within quotes a line goes on
                    ends = ends[np.searchsorted(np.flatnonzero(letters == ord('"')), ends) % 2 == 0]
                cut = int(ends[-1]) if len(ends) else 0
                rest = block[cut:]
                if len(rest) > _LONGEST or (rest and not more):
                    raise self.error("has a quote that is never closed", "a CSV with closed quotes")
                if cut:
                    starts = np.concatenate([[0], ends[:-1]])
                    blank = (ends - starts <= 2) & np.isin(letters[starts], [ord("\n"), ord("\r")])
                    yield block, starts[~blank], ends[~blank]

    def _read(self, lines: Sequence[bytes], numbers: Array, columns: Sequence[str]) -> pl.DataFrame:
        names, separator, text = self.names, self.separator, b"".join(lines)
        ends = np.cumsum([len(line) for line in lines])

        def row(at: int) -> str:
            return f"row {numbers[np.searchsorted(ends, at, side='right')] + 1:,}"

        try:
            text.decode()
        except UnicodeDecodeError as error:
            raise self.error(f"is not UTF-8 text ({row(error.start)})", _UTF8) from None
        if (at := text.find(b"\0")) >= 0:
            raise self.error(f"is not text ({row(at)} has a byte 0)", _UTF8)
        letters = np.frombuffer(text, np.uint8)
        between = np.flatnonzero(letters == ord(separator))
        if b'"' in text:
            between = between[np.searchsorted(np.flatnonzero(letters == ord('"')), between) % 2 == 0]
        fields = np.diff(np.searchsorted(between, ends), prepend=0) + 1
        if len(wrong := np.flatnonzero(fields != len(names))):
            number, has = numbers[wrong[0]] + 1, fields[wrong[0]]
            problem = f"row {number:,} has {counted(int(has), 'field')}"
            raise self.error(problem, f"{len(names):,}, as many as there are names")
        wanted = set(columns)
        places = [place for place, name in enumerate(names) if name in wanted]
        frame = pl.read_csv(text, has_header=False, infer_schema=False, columns=places, separator=separator)
        if len(frame) != len(lines):
            raise self.error("has quotes inside of values", "values in quotes, with inner ones doubled")
        frame.columns = [names[place] for place in places]
        return frame


def _opened(file: Path) -> BinaryIO:
    """A file, opened to be read; one that is compressed is decompressed on the way."""
    opens: dict[str, Callable[[Path, str], Any]] = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}
    return cast("BinaryIO", opens.get(file.suffix.lower(), open)(file, "rb"))


@dataclass(frozen=True)
class ParsedText:
    """What the text of a column says.

    Args:
        values: whole numbers, numbers, booleans or dates; text that is none of them stays text.
        stray: where ``values`` are text although half of them are numbers, the place of the first that is not a number.
        has_numbers: whether ``values`` are text, and some of it are numbers.
        thousands: where commas between thousands were taken out, the first number that has one, as it is written.
    """

    values: pl.Series
    stray: int | None = None
    has_numbers: bool = False
    thousands: str | None = None


def parsed(column: pl.Series, separator: str) -> ParsedText:
    """Parse text as whole numbers, numbers, booleans or dates.

    Args:
        column: the text of a column.
        separator: of the file; where it is no comma, a comma within numbers is more likely a decimal one.
    """
    text = present(column)
    missing = text.null_count()
    if missing == len(text):
        return ParsedText(text)
    lower = text.str.to_lowercase()
    if lower.drop_nulls().is_in(["true", "false"]).all():
        return ParsedText(lower == "true")
    thousands = _with_thousands(text, separator)
    numeric, real = _numbers(text if thousands is None else text.str.replace_all(",", "", literal=True))
    if numeric is not None:
        return ParsedText(numeric, thousands=thousands)
    for dates in (text.str.to_datetime, text.str.to_date):
        try:
            times: pl.Series = dates(strict=False)
        except pl.exceptions.ComputeError:
            continue
        if times.null_count() == missing:
            return ParsedText(times)
    strange = real.null_count() - missing
    if strange >= (len(text) - missing) / 2:
        return ParsedText(text, has_numbers=strange < len(text) - missing)
    return ParsedText(text, int((real.is_null() & text.is_not_null()).arg_max() or 0), has_numbers=True)


def present(column: pl.Series) -> pl.Series:
    """The text of a column without spaces around it, None where it stands for a missing value."""
    text = column.str.strip_chars()
    return text.set(text.is_in(MISSING_VALUES), None)


def _numbers(text: pl.Series) -> tuple[pl.Series | None, pl.Series]:
    """Text as whole numbers or numbers, None where some of it is neither; and as numbers with gaps for the rest."""
    commas = text.str.contains(r"^[-+]?\d+,\d+$").any()
    real = (text.str.replace(",", ".", literal=True) if commas else text).cast(pl.Float64, strict=False)
    for numeric in (text.cast(pl.Int64, strict=False), real):
        if numeric.null_count() == text.null_count():
            return numeric, real
    return None, real


def _with_thousands(text: pl.Series, separator: str) -> str | None:
    """The first number with a comma, if all commas of a column stand between thousands; None otherwise.

    Where commas separate the fields, numbers such as 1,234 are in quotes, and all of them have three digits after each
    comma. Elsewhere 1,234 may be a decimal number of three digits, so that there must be more to tell: two commas or a
    decimal point in one number, or numbers without a comma, all of them below 1,000.
    """
    with_commas = text.filter(text.str.contains(",", literal=True).fill_null(value=False))
    if with_commas.is_empty() or not with_commas.str.contains(_THOUSANDS).all():
        return None
    rest = text.filter(~text.str.contains(",", literal=True).fill_null(value=True))
    if separator != ",":
        longer = with_commas.str.contains(r",.*[,.]").any()
        below = not rest.is_empty() and not rest.str.contains(r"\d{4}").any()
        if not (longer or below):
            return None
    return str(with_commas[0])
