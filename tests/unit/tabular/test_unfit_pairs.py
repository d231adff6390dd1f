"""Pairs of columns that cannot be estimated are left out of all pairs, and the others go on."""

from __future__ import annotations

import csv
import math

import numpy as np
import pytest

from mi_cli.errors import ConfigError
from mi_cli.tabular.column_pairs import pairs_and_notes

N = 60
RANDOM = np.random.default_rng(7)
A, B = RANDOM.normal(size=(2, N)).tolist()
CLASSES = ["pqr"[i % 3] for i in range(N)]


def written(tmp_path, **columns):
    path = tmp_path / "t.csv"
    with path.open("w", newline="") as opened:
        csv.writer(opened).writerows([columns, *zip(*columns.values(), strict=True)])
    return {"name": "table", "path": str(path)}


def without(values, rows):
    return ["" if i in rows else value for i, value in enumerate(values)]


@pytest.mark.parametrize(
    ("other", "note"),
    [
        (A, "a and other are equal: this pair is left out, as the MI is infinite"),
        ([3 - 1.8 * a for a in A], "other is a straight line of a: this pair is left out, as the MI is infinite"),
        ([math.exp(a) for a in A], "other rises or falls with a: this pair is left out, as the MI is infinite"),
        ([-(a**3) for a in A], "other rises or falls with a: this pair is left out, as the MI is infinite"),
    ],
)
def test_a_copy_and_a_rescaled_copy_are_left_out(tmp_path, other, note):
    pairs, notes = pairs_and_notes(written(tmp_path, a=A, b=B, other=other, const=[3] * N))
    assert pairs == [["a", "b"], ["b", "other"]]
    assert notes == ["left out: const (constant)", note]


def test_equal_classes_have_their_entropy_for_mi(tmp_path):
    pairs, notes = pairs_and_notes(written(tmp_path, a=A, k=CLASSES, l=CLASSES, m=CLASSES))
    assert pairs == [["a", "k"], ["a", "l"], ["a", "m"]]
    mi = "the MI is the entropy of the column, 1.099 nats"
    assert notes == [f"k, l and m are equal: pairs of these 3 columns are left out, as {mi}"]


def test_rows_without_missing_values_decide(tmp_path):
    early, late = range(30), range(25, N)
    columns = {
        "a": without(A, [3]),
        "b": B,
        "copy": without(A, [5]),
        "early": without(A, late),
        "late": without(B, early),
    }
    columns["steady"] = [7.5] * 30 + B[30:]
    given = written(tmp_path, **columns) | {"missing": "drop"}
    pairs, notes = pairs_and_notes(given)
    assert ["a", "copy"] not in pairs
    assert "a, copy and early are equal: pairs of these 3 columns are left out, as the MI is infinite" in notes
    assert "left out: early with late (fewer than 20 rows have values of both)" in notes
    assert "left out: early with steady (a column is constant in the rows that have values of both)" in notes
    assert ["b", "early"] in pairs


def test_a_copy_of_z_is_in_no_pair(tmp_path):
    pairs, notes = pairs_and_notes(written(tmp_path, a=A, b=B, k=CLASSES, z=B) | {"z": ["z"]})
    assert pairs == [["a", "k"]]
    assert notes == ["left out: a with b, b with k (a column equals one of z, and given z nothing is left of it)"]


def test_no_pair_but_copies_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="makes no pair that can be estimated: a and copy are equal"):
        pairs_and_notes(written(tmp_path, a=A, copy=A))
