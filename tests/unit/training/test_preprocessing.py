"""Maps of columns: fitted to training rows alone, monotone, and what they say they are."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm, rankdata

from mi_cli.training.preprocessing import fit_preprocess, restored_preprocess

KINDS = ("standardise", "rank_gaussianise")


def rows(n=200, d=3, seed=0):
    return torch.randn(n, d, generator=torch.Generator().manual_seed(seed), dtype=torch.float64).exp()


def test_none_changes_nothing_but_the_type():
    assert torch.equal(fit_preprocess("none", rows())(rows().float()), rows().float().double())


def test_standardised_rows_have_mean_0_and_sd_1():
    found = fit_preprocess("standardise", rows())(rows())
    assert torch.allclose(found.mean(0), torch.zeros(3, dtype=torch.float64), atol=1e-12)
    assert torch.allclose(found.std(0), torch.ones(3, dtype=torch.float64))


@given(st.lists(st.integers(-5, 5), min_size=2, max_size=40).filter(lambda values: len(set(values)) > 1))
def test_scores_are_those_of_average_ranks(values):
    column = torch.tensor(values, dtype=torch.float64)[:, None]
    expected = norm.ppf((rankdata(values) - 0.5) / len(values))
    assert fit_preprocess("rank_gaussianise", column)(column).flatten().numpy() == pytest.approx(expected, abs=1e-12)


def test_scores_do_not_change_under_monotone_maps_of_the_columns():
    one = fit_preprocess("rank_gaussianise", rows())(rows())
    assert torch.equal(one, fit_preprocess("rank_gaussianise", rows().log())(rows().log()))


@pytest.mark.parametrize("kind", KINDS)
def test_map_is_that_of_the_fitted_rows_whatever_it_is_applied_to(kind):
    apply, new = fit_preprocess(kind, rows()), rows(50, seed=1)
    assert torch.equal(apply(new)[:10], apply(new[:10]))
    assert torch.equal(apply(torch.cat([rows(), new]))[:200], apply(rows()))


@pytest.mark.parametrize("kind", KINDS)
def test_map_is_monotone_also_between_and_beyond_the_fitted_rows(kind):
    line = torch.linspace(-100, 100, 2001, dtype=torch.float64)[:, None].expand(-1, 3)
    found = fit_preprocess(kind, rows())(line)
    assert torch.isfinite(found).all()
    assert (found.diff(dim=0) >= 0).all()


def test_scores_are_clamped_beyond_the_fitted_rows():
    apply = fit_preprocess("rank_gaussianise", rows())
    lowest, highest = rows().min(0).values, rows().max(0).values
    ends = apply(torch.stack([lowest, highest]))
    assert torch.equal(apply(torch.stack([lowest - 1e6, highest + 1e6])), ends)
    assert ends[:, 0].numpy() == pytest.approx(norm.ppf([0.5 / 200, 1 - 0.5 / 200]))


@pytest.mark.parametrize("kind", KINDS)
def test_bad_columns_are_named(kind):
    constant, missing = rows(), rows()
    constant[:, 1], missing[5, 2] = 4.0, np.nan
    with pytest.raises(ValueError, match=rf"column 1 of x is constant \(4\); preprocess={kind} needs it to vary"):
        fit_preprocess(kind, constant, "x")
    with pytest.raises(ValueError, match="column 2 of y has values that are not finite"):
        fit_preprocess(kind, missing, "y")
    with pytest.raises(ValueError, match=f"1 rows; preprocess={kind} needs at least 2"):
        fit_preprocess(kind, rows(1))


@pytest.mark.parametrize("kind", KINDS)
def test_column_that_varies_in_other_rows_only_becomes_zero(kind):
    constant = rows()
    constant[:, 1] = 4.0
    other = constant[:5].clone()
    other[0, 1] = 5.0
    apply = fit_preprocess(kind, constant, others=other)
    found = apply(constant)
    assert (found[:, 1] == 0).all()
    assert torch.equal(found[:, :1], fit_preprocess(kind, constant[:, :1])(constant[:, :1]))
    assert torch.isfinite(apply(other)).all()
    with pytest.raises(ValueError, match="column 1 of rows is constant"):
        fit_preprocess(kind, constant, others=constant[:5])


@pytest.mark.parametrize("kind", ["none", "standardise", "rank_gaussianise"])
def test_maps_are_restored_from_their_tensors(kind):
    fitted, new = fit_preprocess(kind, rows()), rows(50, seed=1)
    assert torch.equal(restored_preprocess(kind, fitted.tensors())(new), fitted(new))


@pytest.mark.parametrize(
    ("kind", "tensors"),
    [
        ("none", {"mean": torch.zeros(1)}),
        ("standardise", {"mean": torch.zeros(2), "sd": torch.ones(1)}),
        ("standardise", {"mean": torch.zeros(1), "sd": torch.zeros(1)}),
        ("rank_gaussianise", {"values": torch.zeros(2), "scores": torch.zeros(2), "counts": torch.tensor([2])}),
        ("rank_gaussianise", {"values": torch.zeros(2), "scores": torch.zeros(1), "counts": torch.tensor([2])}),
        ("rank_gaussianise", {"values": torch.zeros(0), "scores": torch.zeros(0), "counts": torch.tensor([0])}),
        ("rank_gaussianise", {"values": torch.zeros(1), "scores": torch.zeros(1), "counts": torch.ones(1)}),
    ],
)
def test_tensors_of_no_map_are_refused(kind, tensors):
    with pytest.raises(ValueError, match=r"accepted|do not"):
        restored_preprocess(kind, tensors)
