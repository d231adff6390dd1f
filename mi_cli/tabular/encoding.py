"""The rows of a table as numbers: holes, classes, groups and time seen to, and what there is to know of them.

Nothing here imports torch.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from mi_cli.errors import counted, shown
from mi_cli.tabular.files import Column, Source, choose, fault, listing, matched, names, read

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

__all__ = ["FEWEST_ROWS", "SECOND", "Chosen", "Data", "Facts", "Label", "Part", "Request", "looks_like_classes"]

FEWEST_ROWS = 20
SECOND = " (2)"  # after the name of a column, of the second of two copies
_MOST_COLUMNS = 2000
_MOST_CLASSES = 50
_WHOLE_CLASSES = 20  # values of a column of whole numbers that is taken for classes unasked
_SEED = 20_230_611  # of what is drawn once for a table, whatever the seed of a run
_NO_NUMBERS = {
    "time": "holds dates or times; accepted: numbers and classes (dataset.time takes the column that rows are "
    "sorted by)",
    "nested": "holds lists, structures or bytes; accepted: numbers and classes",
    "empty": "has no values; accepted: columns with some",
}


@dataclass(frozen=True)
class Request:
    """What a config asks of a table: the fields of the dataset that decide which numbers it holds."""

    source: Source
    x: tuple[str, ...]
    y: tuple[str, ...]
    missing: Literal["error", "drop", "impute"]
    groups: str | None
    time: str | None
    classes: tuple[str, ...] | Literal["auto"]
    max_rows: int
    transform: Literal["none", "shuffle", "function", "two_copies"]

    FIELDS: ClassVar = ("x", "y", "missing", "groups", "time", "classes", "max_rows", "transform")

    def fault(self, key: str, text: str) -> ValueError:
        """What is wrong with the value of a key, in one line."""
        value = self.source.path if key == "path" else getattr(self, key)
        return fault(key, (list(value) or None) if isinstance(value, tuple) else value, text)


@dataclass(frozen=True)
class Label:
    """What a column is: its name in the file, its kind, and how many columns it makes."""

    name: str
    kind: Literal["number", "class", "boolean"]
    width: int = 1


@dataclass(frozen=True, eq=False)
class Part:
    """A column of the file as rows of x or y have it: ``(n,)`` numbers, or classes from 0."""

    label: Label
    values: Array
    digest: bytes = b""  # equal for equal columns

    def of(self, rows: Array, suffix: str = "") -> Part:
        """Some of its rows."""
        return Part(replace(self.label, name=self.label.name + suffix), self.values[rows])


@dataclass(frozen=True, eq=False)
class Data:
    """Columns of x and y, and the group of each row, from 0."""

    x: tuple[Part, ...]
    y: tuple[Part, ...]
    groups: Array | None = None

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return len(self.x[0].values)


@dataclass(frozen=True)
class Facts:
    """What stays known of a table when its numbers are let go."""

    rows: int
    in_file: int
    read: int
    dropped: int
    x: tuple[Label, ...]
    y: tuple[Label, ...]
    missing: dict[str, int]
    guessed: tuple[str, ...]  # columns of whole numbers that were taken for classes


class Chosen:
    """The rows of a request. Its numbers are made anew when they are asked for, so that many can be held at once.

    On its way to another process it has them along, so that no file is read there; on its way back it leaves them.
    """

    def __init__(self, request: Request) -> None:
        self.request, self.facts = request, _facts(request)
        self.received: Data | None = None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Chosen) and self.request == other.request

    def __hash__(self) -> int:
        return hash(self.request)

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"received": None if self.received is not None else self.data()}

    def data(self) -> Data:
        """The numbers."""
        return self.received if self.received is not None else _made(self.request)[0]


@lru_cache(maxsize=4096)
def _facts(request: Request) -> Facts:
    return _made(request)[1]


@lru_cache(maxsize=2)
def _made(request: Request) -> tuple[Data, Facts]:
    """The numbers of a request.

    Raises:
        ValueError: one line with key, value and what is accepted.
    """
    table, every = request.source, names(request.source)[0]
    for key in ("groups", "time"):
        if getattr(request, key) is not None and getattr(request, key) not in every:
            raise request.fault(key, f"no such column; accepted: null, {listing(every)}")
    if request.groups is not None and request.time is not None:
        raise request.fault("groups", f"and dataset.time={shown(request.time)}: accepted: one of them")
    listed = set()
    for selection in request.classes if request.classes != "auto" else ():
        listed |= set(matched(table, "classes", selection, request.classes, lambda name: ""))

    def kind(name: str) -> str:
        return _kind(request, read(table, every, request.max_rows).column(name), listed)

    besides = [name for name in (request.groups, request.time) if name is not None]
    sides = dict(zip("xy", choose(table, request.x, request.y, besides, kind), strict=True))
    _refuse_many(request, sum(map(len, sides.values())))
    sample = read(table, [*sides["x"], *sides["y"], *besides], request.max_rows)
    columns = {name: sample.column(name) for name in (*sides["x"], *sides["y"], *besides)}
    for side, chosen in sides.items():
        for name in chosen:
            _check(request, side, columns[name], listed)
    rows, groups, dropped = _rows(request, columns, len(sample.numbers))
    parts = {
        side: tuple(_part(request, side, columns[name], _kind(request, columns[name], listed), rows) for name in chosen)
        for side, chosen in sides.items()
    }
    _refuse_equal(request, parts)
    data = _transformed(request, Data(parts["x"], parts["y"], groups))
    labels = {side: tuple(part.label for part in getattr(data, side)) for side in sides}
    _refuse_many(request, sum(label.width for side in labels.values() for label in side))
    facts = Facts(
        data.rows,
        sample.of,
        len(sample.numbers),
        dropped,
        labels["x"],
        labels["y"],
        {name: column.missing for name, column in columns.items() if column.missing},
        tuple(n for n in (*sides["x"], *sides["y"]) if request.classes == "auto" and looks_like_classes(columns[n])),
    )
    return data, facts


def looks_like_classes(column: Column) -> bool:
    """Whether whole numbers look like classes: few, each twice or more on average."""
    m, n = len(column.known), len(column.values) - column.missing
    return column.kind == "integer" and 1 < m <= _WHOLE_CLASSES and n >= 2 * m


def _kind(request: Request, column: Column, listed: set[str]) -> str:
    if column.kind in ("integer", "real"):
        classes = looks_like_classes(column) if request.classes == "auto" else column.name in listed
        return "class" if classes else "number"
    return "class" if column.kind == "text" else column.kind


def _check(request: Request, side: str, column: Column, listed: set[str]) -> None:
    """Refuse a column that is neither numbers nor classes."""
    import numpy as np

    name = shown(column.name)
    if column.kind in _NO_NUMBERS:
        raise request.fault(side, f"column {name} {_NO_NUMBERS[column.kind]}")
    if column.odd and column.name not in listed:
        value, row = column.odd
        raise request.fault(
            side,
            f"column {name} has the text {shown(value)} in row {row:,}, among numbers; accepted: numbers, empty fields "
            f"where there are none, or dataset.classes=[{name}]",
        )
    m, n = len(column.known), len(column.values) - column.missing
    if _kind(request, column, listed) == "class" and (m > _MOST_CLASSES or m > n / 2):
        what = "text" if column.kind == "text" else "a class"
        raise request.fault(
            side,
            f"column {name} is {what} of {m:,} different values in {n:,} rows; accepted: at most {_MOST_CLASSES} "
            "values, each twice or more on average",
        )
    if infinite := int(np.isinf(column.values).sum()):
        raise request.fault(side, f"column {name} has {counted(infinite, 'infinite value')}; accepted: finite numbers")


def _rows(request: Request, columns: dict[str, Column], n: int) -> tuple[Array | None, Array | None, int]:
    """Which rows are used, in which order (None: all as they are); their groups; and how many have holes."""
    import numpy as np

    rows, holes = np.arange(n), [column for column in columns.values() if column.missing]
    dropped = 0
    if holes and request.missing == "impute":
        for key in ("groups", "time"):
            if columns.get(getattr(request, key)) in holes:
                missing = counted(columns[getattr(request, key)].missing, "row")
                raise request.fault(key, f"{missing} without a value; accepted: a full column, or dataset.missing=drop")
    elif holes:
        rows = np.flatnonzero(~np.isnan(np.stack([column.values for column in holes])).any(0))
        dropped = n - len(rows)
        if request.missing == "error":
            told = ", ".join(f"{shown(column.name)} {column.missing:,}" for column in holes[:6])
            raise request.fault(
                "missing",
                f"{counted(len(holes), 'column')} with missing values: {told}{', ...' * (len(holes) > 6)}; accepted: "
                f"drop (leaves {len(rows):,} of {n:,} rows), impute (medians, most frequent classes), or other columns",
            )
    groups = None
    if request.time is not None:
        column = columns[request.time]
        if column.kind not in ("integer", "real", "time"):
            raise request.fault("time", "is neither dates nor numbers; accepted: a column that rows can be sorted by")
        rows = rows[np.argsort(column.values[rows], kind="stable")]
        if len(rows) and column.values[rows[0]] == column.values[rows[-1]]:
            raise request.fault("time", "is the same in all rows; accepted: a column that rows can be sorted by")
    if request.groups is not None:
        if columns[request.groups].kind == "nested":
            raise request.fault("groups", f"{_NO_NUMBERS['nested']}")
        groups = np.unique(columns[request.groups].values[rows], return_inverse=True)[1].reshape(-1)
        if len(groups) and groups.max() == 0:
            raise request.fault("groups", "all rows are of one group; accepted: a column of two or more")
    if len(rows) < FEWEST_ROWS:
        key = "max_rows" if request.max_rows < FEWEST_ROWS else "missing" if dropped else "path"
        raise request.fault(key, f"leaves {counted(len(rows), 'row')}; accepted: at least {FEWEST_ROWS}")
    return (None if len(rows) == n and request.time is None else rows), groups, dropped


def _part(request: Request, side: str, column: Column, kind: str, rows: Array | None) -> Part:
    """A column encoded; of all rows it is made once."""
    import numpy as np

    as_it_is = rows is None and not column.missing
    if as_it_is and kind in column.made:
        found: Part = column.made[kind]
        return found
    values = column.values if rows is None else column.values[rows]
    if column.missing and request.missing == "impute":
        known = column.values[~np.isnan(column.values)]
        fill = np.median(known)
        if kind != "number":
            distinct, times = np.unique(known, return_counts=True)
            fill = distinct[times.argmax()]
        values = np.where(np.isnan(values), fill, values)
    digest = hashlib.blake2b(values.tobytes(), digest_size=16)
    digest.update("\0".join(column.labels).encode())
    if len(distinct := column.known if as_it_is else np.unique(values)) < 2:
        raise request.fault(side, f"column {shown(column.name)} is constant; accepted: columns that vary")
    if kind == "number":
        made = Part(Label(column.name, "number"), values, digest.digest())
    else:
        codes = np.searchsorted(distinct, values).astype(np.uint8)
        width = len(distinct) if len(distinct) > 2 else 1
        made = Part(Label(column.name, "boolean" if kind == "boolean" else "class", width), codes, digest.digest())
    if as_it_is:
        column.made[kind] = made
    return made


def _transformed(request: Request, data: Data) -> Data:
    import numpy as np

    if request.transform == "function":
        return replace(data, y=tuple(map(_function, data.y)))
    if request.transform == "two_copies":
        if data.groups is not None or request.time is not None:
            raise request.fault(
                "transform", "is for independent rows; accepted: with dataset.groups=null and .time=null"
            )
        half = data.rows // 2
        if half < FEWEST_ROWS:
            raise request.fault("transform", f"leaves {counted(half, 'row')}; accepted: at least {FEWEST_ROWS}")
        order = np.random.default_rng(_SEED + 2).permutation(data.rows)
        first, second = order[:half], order[half : 2 * half]
        x, y = (
            (*(part.of(first) for part in parts), *(part.of(second, SECOND) for part in parts))
            for parts in (data.x, data.y)
        )
        return Data(x, y)
    return data


def _function(part: Part) -> Part:
    import numpy as np

    if part.label.kind == "number":
        median = np.median(part.values)
        above = part.values > median
        above = above if above.any() else part.values >= median
    else:
        above = part.values == np.bincount(part.values).argmax()
    return Part(Label(part.label.name, "boolean"), above.astype(np.uint8))


def _refuse_many(request: Request, columns: int) -> None:
    if columns > _MOST_COLUMNS:
        raise request.fault("x", f"x and y have {columns:,} columns, with one for each class; accepted: at most 2,000")


def _refuse_equal(request: Request, parts: dict[str, tuple[Part, ...]]) -> None:
    of_x = {part.digest: part.label.name for part in parts["x"]}
    for part in parts["y"]:
        if part.digest in of_x:
            pair = f"{shown(of_x[part.digest])} of x and {shown(part.label.name)} of y"
            what = "infinite" if part.label.kind == "number" else "the entropy of the column"
            raise request.fault("y", f"columns {pair} are equal, so that the MI is {what}; accepted: different columns")
