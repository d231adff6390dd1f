"""Tables on a terminal: on a narrow one, words move to further lines, and no number is cut."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from mi_cli.report import terminal_tables

ROW = {
    "x": "systolic_blood_pressure",
    "y": "progression_after_a_year",
    "method": "dv",
    "seed": 0,
    "status": "ok",
    "estimate": 0.0984,
    "stderr": 0.0115,
    "ci_low": 0.0759,
    "ci_high": 0.1209,
    "lower": 0.0796,
    "p_value": 1.3e-8,
    "p_holm": 3.9e-8,
    "q_value": 1.95e-8,
}
SUMMARY = {
    "name": "pairwise",
    "procedure": "pairwise",
    "variant": "corrected",
    "budget": "full",
    "axes": ["dataset.pair"],
    "level": 0.95,
    "shown_in": "nats",
    "data": {},
    "answer": None,
    "verdicts": [],
    "cells": [],
    "claims": [],
    "tables": {"pairs": [ROW]},
}


def printed(width):
    console = Console(file=io.StringIO(), width=width, force_terminal=True, color_system=None)
    terminal_tables.show(SUMMARY, console)
    return console.file.getvalue()


@pytest.mark.parametrize("width", [60, 80, 100, 400])
def test_no_number_is_cut(width):
    text = printed(width)
    for number in ("0.0984", "[0.0759,", "0.1209]", "0.0796", "1.3e-08", "1.9e-08"):
        assert number in text
    assert "…" not in text


def test_names_are_whole_over_several_lines():
    lines = [line for line in printed(80).splitlines() if line.startswith("│")]
    assert all(len(line) <= 80 for line in lines)
    cells = [[cell.strip() for cell in line.strip("│").split("│")] for line in lines]
    assert "".join(row[0] for row in cells) == ROW["x"]
    assert "".join(row[1] for row in cells) == ROW["y"]


def test_a_wide_terminal_has_a_line_a_row():
    assert sum(line.startswith("│") for line in printed(400).splitlines()) == 1
