"""Columns chosen one after another: by mRMR, JMI or CMIM, or by conditional MI until none is significant."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from mi_cli import bounds
from mi_cli.estimators.conditioning import Condition
from mi_cli.estimators.neighbour_search import numbered
from mi_cli.estimators.training_free import Index
from mi_cli.lazy import tree
from mi_cli.problems import Array
from mi_cli.selection.codes import Codes, bins_of, coded, copies_of
from mi_cli.selection.counting import Counter, Information
from mi_cli.selection.remainder import Remainder, normal_scores
from mi_cli.selection.settings import Selection

__all__ = ["Path", "Step", "Table", "select", "stability"]

_STRATA = 16  # of the chosen columns together, given which the MI of the others is counted
_LEAST_ROWS = 20  # of a stratum
_PAIR_COUNTS = 2e12  # multiply-adds of a screening of all pairs, beyond which there is none
_PAIR_PERMUTATIONS = 199
_FINER = 4  # times as many bins, where no column is significant


@dataclass(frozen=True)
class Table:
    """Columns to choose among, and the target.

    Attributes:
        x: ``(n, p)``, finite; classes as numbers.
        classes: which columns are classes, ``(p,)``.
        y: ``(n,)``, finite.
        y_classes: whether y is classes.
    """

    x: Array
    classes: np.ndarray
    y: Array
    y_classes: bool

    def __len__(self) -> int:
        return len(self.x)

    def rows(self, rows: Index) -> Table:
        """Some of the rows."""
        return Table(self.x[rows], self.classes, self.y[rows], self.y_classes)


@dataclass(frozen=True)
class Step:
    """A column that was chosen.

    Attributes:
        column: its number.
        gain: its MI with y given the columns before it, as the method counts it, in nats.
        p_value: of no dependence on y given them, corrected for the maximum over the columns; None without a test.
        partner: the column that was chosen with it, as a pair; None for a single one.
    """

    column: int
    gain: float
    p_value: float | None = None
    partner: int | None = None


@dataclass(frozen=True)
class Path:
    """The columns that were chosen, in order.

    Attributes:
        steps: of the path.
        relevance: the MI of each column with y from counts, ``(p,)`` in nats.
        copies: columns left out as they part the rows as an earlier column does, and that column.
        stopped: the p-value at which it ended; None where it ended for another reason.
    """

    steps: tuple[Step, ...]
    relevance: Array
    copies: dict[int, int] = field(default_factory=dict)
    stopped: float | None = None

    @property
    def columns(self) -> list[int]:
        """The numbers of the columns that were chosen."""
        return [step.column for step in self.steps]


def select(
    table: Table, settings: Selection, random: np.random.Generator, check: Callable[[], None] = lambda: None
) -> Path:
    """Choose columns.

    Args:
        table: at least 10 rows.
        settings: how.
        random: for permutations.
        check: called between steps; it may raise to stop.

    Reference:
        Peng, Long & Ding 2005 (IEEE TPAMI 27, 1226–1238), mRMR; Yang & Moody 1999 (NIPS 12), JMI; Fleuret 2004 (JMLR 5,
        1531–1555), CMIM; Brown et al. 2012 (JMLR 13, 27–66), all three as approximations of a conditional MI.
    """
    search = _Search(table, settings, random, check)
    return search.forward() if settings.method == "forward" else search.ranked()


def stability(
    table: Table, path: Path, settings: Selection, random: np.random.Generator, check: Callable[[], None] = lambda: None
) -> Array:
    """In which share of subsamples each column is chosen, ``(p,)``, where as many are chosen as on all rows.

    Each subsample has half of the rows. There are no tests on them: columns are ranked, and where a pair was chosen,
    the best pair is.

    Reference:
        Meinshausen & Bühlmann 2010 (Journal of the Royal Statistical Society B 72, 417–473).
    """
    chosen = np.zeros(table.x.shape[1])
    places = {step.column: place for place, step in enumerate(path.steps)}
    pairs = frozenset(
        place for place, step in enumerate(path.steps) if step.partner is not None and places[step.partner] == place + 1
    )
    fewer = settings.model_copy(update={"columns": max(1, len(path.steps)), "pairs": False})
    for _ in range(settings.subsamples if path.steps else 0):
        rows = random.permutation(len(table))[: len(table) // 2]
        search = _Search(table.rows(rows), fewer, random, check)
        for step in search.ranked(pairs).steps:
            chosen[step.column] += 1
    return chosen / max(1, settings.subsamples)


class _Search:
    """A search for columns of one table."""

    def __init__(
        self, table: Table, settings: Selection, random: np.random.Generator, check: Callable[[], None]
    ) -> None:
        self.table, self.settings, self.random, self.check = table, settings, random, check
        codes = coded(table.x, table.classes, settings.bins)
        self.copies = copies_of(codes)
        varied = codes.columns.max(0, initial=0) > 0
        self.places = np.array([i for i in range(table.x.shape[1]) if varied[i] and i not in self.copies], np.int64)
        self.counter = Counter(Codes(codes.columns[:, self.places], codes.levels))
        self.finer: set[int] = set()  # chosen columns that depend on y in finer bins
        self.y = coded(table.y[:, None], np.array([table.y_classes]), settings.bins).columns[:, 0]
        self._rows = np.arange(len(table))
        self.relevance: Information = self.counter.information(self.y)

    def ranked(self, pairs: frozenset[int] = frozenset()) -> Path:
        """Rank columns by the criterion of the method; ``forward`` ranks by conditional MI, without a test.

        Args:
            pairs: ranks, from 0, at which the pair with most MI given the columns before it is taken.
        """
        chosen: list[int] = []
        steps: list[Step] = []
        criterion = _Criterion(self)
        pair = self._pair_by_chance() if self.settings.pairs else None
        while len(steps) < min(self.settings.columns, self.counter.p):
            self.check()
            scores = criterion.scores(chosen)
            scores[chosen] = -np.inf
            picked: tuple[int, ...] = (int(scores.argmax()),)
            if pair is not None and not chosen and self.settings.columns > 1:
                picked = pair
            elif len(steps) in pairs and (best := self._highest_pair(chosen)) is not None:
                picked = best[:2]
            for one in picked:
                partner = next((int(self.places[other]) for other in picked if other != one), None)
                steps.append(Step(int(self.places[one]), float(scores[one]), partner=partner))
                criterion.add(one)
                chosen.append(one)
        return self._path(steps)

    def forward(self) -> Path:
        """Add the column with the largest MI with y given those chosen, until none is significant.

        Where none is, columns of numbers are counted in finer bins, and then pairs. There are two or three tests at
        each step, and p-values are as many times as large.
        """
        tests = 3 if self.settings.pairs else 2
        chosen: list[int] = []
        steps: list[Step] = []
        stopped = None
        picked: tuple[int, ...]
        while len(steps) < min(self.settings.columns, self.counter.p):
            self.check()
            one, gain, p = self._best(chosen, self.counter)
            if tests * p > self.settings.alpha:
                finest = self._best(chosen, self._fine)
                if tests * finest[2] <= self.settings.alpha:
                    one, gain, p = finest
                    self.finer.add(one)
            p, picked = min(1.0, tests * p), (one,)
            if p > self.settings.alpha and self.settings.pairs and len(steps) + 2 <= self.settings.columns:
                pair = self._best_pair(chosen)
                if pair is not None and tests * pair[2] <= self.settings.alpha:
                    picked, gain, p = pair[0], pair[1], tests * pair[2]
            if p > self.settings.alpha:
                stopped = p
                break
            for member in picked:
                partner = next((int(self.places[other]) for other in picked if other != member), None)
                steps.append(Step(int(self.places[member]), gain, p, partner))
            chosen += picked
        return self._path(steps, stopped)

    def strata(self, chosen: list[int]) -> Index | None:
        """A code of the chosen columns: their combinations, or the leaves of a tree that predicts y where too many."""
        if not chosen:
            return None
        codes = [(self._fine if one in self.finer else self.counter).codes.columns[:, one] for one in chosen]
        together = numbered(np.stack(codes, 1))
        if together.max() < _STRATA:
            return together
        kind = tree.DecisionTreeClassifier if self.table.y_classes else tree.DecisionTreeRegressor
        fit = kind(max_leaf_nodes=_STRATA, min_samples_leaf=_LEAST_ROWS, random_state=0)
        sides = self.table.x[:, self.places[chosen]]
        return numbered(fit.fit(sides, self.table.y).apply(sides)[:, None])

    @cached_property
    def _fine(self) -> Counter:
        """Counts the columns of numbers in finer bins."""
        coarse = bins_of(len(self.table), self.settings.bins)
        return Counter(coded(self.table.x[:, self.places], self.table.classes[self.places], _FINER * coarse))

    def _path(self, steps: list[Step], stopped: float | None = None) -> Path:
        relevance = np.zeros(self.table.x.shape[1])
        relevance[self.places] = self.relevance.values
        for copy, of in self.copies.items():
            relevance[copy] = relevance[of]
        return Path(tuple(steps), relevance, self.copies, stopped)

    def _draws(self, chosen: list[int]) -> Callable[[np.random.Generator], Index]:
        """A function that permutes rows among those whose chosen columns are alike."""
        columns = self.places[chosen]
        numbers = self.table.x[:, columns[~self.table.classes[columns]]]
        classes = self.table.x[:, columns[self.table.classes[columns]]]
        alike = numbered(classes) if classes.shape[1] else np.zeros(len(self.table), np.int64)
        return Condition(normal_scores(numbers), alike).pairings(self._rows)

    def remainder(self, chosen: list[int]) -> Remainder | None:
        """What a regression on the chosen columns leaves of y; None where none is chosen, or y has three classes."""
        if not chosen or (self.table.y_classes and self.y.max() > 1):
            return None
        are_classes = self.table.classes[self.places[chosen]]
        numbers = self.table.x[:, self.places[chosen]][:, ~are_classes]
        classes = self.counter.codes.columns[:, chosen][:, are_classes]
        return Remainder.of(normal_scores(numbers), classes, self.table.y, self.settings.bins)

    def _best(self, chosen: list[int], counter: Counter) -> tuple[int, float, float]:
        """The column with most MI given the chosen ones, of those that are significant; that MI in nats; its p-value.

        Each column has its MI with y given the strata of the chosen ones, and its MI with what a regression on them
        leaves of y, which sees more where there are many. Both are taken by their mean and spread over the rows and
        their permutations, so that columns of many classes do not set the maximum (Westfall & Young 1993,
        Resampling-Based Multiple Testing), and the larger one counts.
        """
        strata, draw, remainder = self.strata(chosen), self._draws(chosen), self.remainder(chosen)

        def plug_ins(rows: Index) -> Array:
            self.check()
            found = [counter.information(self.y[rows], strata).plug_in]
            if remainder is not None:
                found.append(counter.information(remainder.codes(rows)).plug_in)
            return np.stack(found)

        drawn = (draw(self.random) for _ in range(self.settings.permutations))
        null = np.stack([plug_ins(self._rows), *map(plug_ins, drawn)])  # (1 + m, statistics, columns)
        spread = null.std(0)
        every = np.where(spread > 1e-12, (null - null.mean(0)) / np.maximum(spread, 1e-12), -np.inf)
        standard = every.max(1)
        standard[:, chosen] = -np.inf
        highest = standard.max(1)
        gains = (null[0] - null[1:].mean(0))[every[0].argmax(0), np.arange(counter.p)]
        shares = (1 + (highest[1:, None] >= standard[0]).sum(0)) / len(null)
        significant = (shares <= self.settings.alpha) & np.isfinite(standard[0])
        best = int(np.where(significant, gains, -np.inf).argmax() if significant.any() else standard[0].argmax())
        p = bounds.p_value(np.array([standard[0, best], *highest[1:]]), least=0)
        return best, float(gains[best]), 1.0 if p is None else p

    def _beside(self, chosen: list[int]) -> tuple[Callable[[Index], Index], Index | None]:
        """Codes of y at rows, and the strata of the chosen columns; or of what these leave of y, and no strata."""
        remainder = self.remainder(chosen)
        if remainder is not None:
            return remainder.codes, None
        return lambda rows: self.y[rows], self.strata(chosen)

    def _pairs(self, y: Index, strata: Index | None) -> Iterator[tuple[int, Information]]:
        """The information of pairs, by their first column; nothing where there are too many."""
        counter, cells = self.counter, self.counter.codes.levels**2 * (y.max() + 1)
        cells *= 1 if strata is None else strata.max() + 1
        if counter.p < 2 or float(counter.p) ** 2 * cells * counter.n > _PAIR_COUNTS:
            return
        for column in range(counter.p - 1):
            self.check()
            yield column, counter.of_pairs_with(column, y, strata)

    def _highest_pair(self, chosen: list[int]) -> tuple[int, int, Information] | None:
        best, highest = None, -np.inf
        codes, strata = self._beside(chosen)
        for column, found in self._pairs(codes(self._rows), strata):
            scores = found.scores.copy()
            scores[[*range(column + 1), *chosen]] = -np.inf
            if column not in chosen and scores.max() > highest:
                other = int(scores.argmax())
                best, highest = (column, other, found), float(scores[other])
        return best

    def _best_pair(self, chosen: list[int]) -> tuple[tuple[int, int], float, float] | None:
        """The pair with most MI given the chosen columns, its MI in nats, and its p-value, corrected for all pairs.

        The p-value is the larger of that of the G-test and that of permutations, times the number of pairs.
        """
        best = self._highest_pair(chosen)
        if best is None:
            return None
        one, other, found = best
        alone = Counter(
            Codes(numbered(self.counter.codes.columns[:, [one, other]])[:, None], self.counter.codes.levels**2)
        )
        (codes, strata), draw = self._beside(chosen), self._draws(chosen)
        drawn = (draw(self.random) for _ in range(_PAIR_PERMUTATIONS))
        null = [alone.information(codes(rows), strata).plug_in[0] for rows in (self._rows, *drawn)]
        p = max(float(found.p_values[other]), bounds.p_value(np.array(null)) or 1.0)
        pairs = self.counter.p * (self.counter.p - 1) / 2
        return (one, other), float(null[0] - np.mean(null[1:])), min(1.0, p * pairs)

    def _pair_by_chance(self) -> tuple[int, int] | None:
        """The pair to begin with, where no single column is significant by the G-test and the pair is."""
        p = self.counter.p
        if not p or p * self.relevance.p_values.min() <= self.settings.alpha:
            return None
        best = self._highest_pair([])
        if best is None or best[2].p_values[best[1]] * p * (p - 1) / 2 > self.settings.alpha:
            return None
        return best[0], best[1]


class _Criterion:
    """The criterion of a method for every column, as columns are added."""

    def __init__(self, search: _Search) -> None:
        self.search = search
        self.method = search.settings.method
        self.terms: list[Array] = []

    def scores(self, chosen: list[int]) -> Array:
        """The criterion of each column in nats, ``(p,)``."""
        relevance = self.search.relevance.values
        if not chosen:
            return relevance.copy()
        if self.method == "forward":
            values = self.search.counter.information(self.search.y, self.search.strata(chosen)).values
            remainder = self.search.remainder(chosen)
            if remainder is None:
                return values
            left = remainder.codes(np.arange(len(self.search.table)))
            return np.maximum(values, self.search.counter.information(left).values)
        if self.method == "mrmr":
            return np.asarray(relevance - np.mean(self.terms, 0))
        return np.asarray(np.mean(self.terms, 0) if self.method == "jmi" else np.min(self.terms, 0))

    def add(self, column: int) -> None:
        """Count a column that was chosen."""
        counter = self.search.counter
        own = counter.codes.columns[:, column]
        if self.method == "mrmr":
            self.terms.append(counter.information(own).values)
        elif self.method != "forward":
            self.terms.append(counter.information(self.search.y, own).values)
