"""Looks of estimators, and labels of tasks."""

from __future__ import annotations

from plotted import (
    RHO,
    ROWS,
    TASK,
)

from mi_cli.plots.parts import looks, series
from mi_cli.plots.parts.settings import Setting


def test_looks_differ_whatever_the_names() -> None:
    many = series.looks((Setting(), f"method_{n}") for n in range(49))
    assert len({(look.colour, look.marker) for look in many.values()}) == 49
    few = series.looks((Setting(), f"method_{n}") for n in range(7))
    assert len({look.colour for look in few.values()}) == 7


def test_listed_methods_keep_theirs() -> None:
    by_key = series.looks((Setting(), name) for name in ("other", "another", "mine", "dv"))
    assert by_key[Setting(), "mine"] == looks.look("mine")
    assert by_key[Setting(), "dv"] == looks.look("dv")


def test_tasks_in_words() -> None:
    tasks = [Setting(((TASK, name), (ROWS, 500.0), (RHO, rho))) for name, rho in (("a", 0.2), ("b", 0.4))]
    assert series.task_labels(tasks) == ["a, ρ = 0.2", "b, ρ = 0.4"]
    assert series.task_labels(tasks[:1]) == ["a"]
    assert series.task_labels([Setting()]) == ["the only task"]
