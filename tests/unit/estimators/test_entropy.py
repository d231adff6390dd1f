"""Corrections of entropies, against what published packages give on the same tables."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.special import digamma, gammaln, polygamma

from mi_cli.estimators.contingency import Table, table_estimates
from mi_cli.estimators.entropy import ENTROPIES, nsb_entropy, shrinkage

TABLES = {
    "full": np.array([[20, 7, 3], [5, 18, 9]]),
    "sparse": np.array([[3, 0, 1, 0], [0, 2, 0, 1], [1, 0, 0, 4], [0, 1, 2, 0]]),
    "rare": np.array([[1, 0, 0, 2], [0, 1, 0, 0], [1, 0, 1, 0], [0, 0, 0, 3], [0, 1, 0, 1]]),
}
# Entropies of x, of y and of both in nats, and the MI of the first three: infomeasure 0.6.3, by its estimators
# `discrete`, `miller_madow` and `chao_shen`. `grassberger`: `entropy_2` of dit 2.3, which has ψ(n) in place of ln n.
PUBLISHED = {
    ("full", "plug_in"): (0.6926267989248349, 1.0503171101924136, 1.6000254208386597, 0.14291848827858905),
    ("full", "miller_madow"): (0.7006913150538672, 1.066446142450478, 1.640348001483821, 0.12678945602052455),
    ("full", "chao_shen"): (0.6926267989248349, 1.0503176231472957, 1.608396587073489, 0.13454783499864154),
    ("full", "grassberger"): (0.6843671202803892, 1.0746958725560363, 1.6603124551435136),
    ("sparse", "plug_in"): (1.3624474851916288, 1.3624474851916286, 1.933809998920632, 0.7910849714626252),
    ("sparse", "miller_madow"): (1.462447485191629, 1.4624474851916287, 2.1671433322539655, 0.7577516381292919),
    ("sparse", "chao_shen"): (1.3901572488609493, 1.3901572488609493, 2.3370792688177273, 0.4432352289041712),
    ("sparse", "grassberger"): (1.544709507122272, 1.544709507122272, 2.300265062677828),
    ("rare", "plug_in"): (1.5465986860485124, 1.1685184057430877, 1.9722469794234416, 0.7428701123681589),
    ("rare", "miller_madow"): (1.7284168678666942, 1.304882042106724, 2.29042879760526, 0.7428701123681589),
    ("rare", "chao_shen"): (1.748811122628303, 1.3738132542932315, 2.801054929779167, 0.32156944714236735),
    ("rare", "grassberger"): (1.8039336163463813, 1.2221154345281995, 2.713024525437291),
}


def sides(counts):
    """The counts of x, of y and of the cells that are not empty, and how many values each has."""
    both = counts.ravel()
    return [(counts.sum(1), len(counts)), (counts.sum(0), counts.shape[1]), (both[both > 0], both.size)]


def table(counts):
    cells = np.repeat(np.arange(counts.size), counts.ravel())
    return Table(*np.divmod(cells, counts.shape[1]))


@pytest.mark.parametrize(("name", "correction"), PUBLISHED)
def test_entropies_and_mi_are_those_of_published_packages(name, correction):
    counts, published = TABLES[name], PUBLISHED[name, correction]
    n = counts.sum()
    of_package = np.log(n) - digamma(n) if correction == "grassberger" else 0.0
    ours = [ENTROPIES[correction](*side) for side in sides(counts)]
    assert ours == pytest.approx([value + of_package for value in published[:3]], abs=1e-12)
    mi = published[3] if len(published) > 3 else published[0] + published[1] - published[2] + of_package
    assert table_estimates(table(counts), correction).value == pytest.approx(mi, abs=1e-12)


# `shrink` of infomeasure 0.6.3, which takes the values that occur for all that there are.
@pytest.mark.parametrize(
    ("counts", "published"),
    [
        ([20, 7, 3, 5, 18, 9], 1.669673106748527),
        ([25, 25, 12], 1.0793935983657892),
        ([2, 2, 1, 6], 1.3334953424167117),
    ],
)
def test_shrunk_entropies_are_those_of_a_published_package(counts, published):
    counts = np.array(counts)
    weight = shrinkage(counts, len(counts))
    shares = weight / len(counts) + (1 - weight) * counts / counts.sum()
    assert -(shares * np.log(shares)).sum() == pytest.approx(published, abs=1e-12)


# ndd 1.10.6, entropy(counts, k), which ends its integral where the posterior is small: .06 % of the entropy at most.
NSB = {
    "full": (0.6858335167489881, 1.04954674560344, 1.6249093569771345),
    "sparse": (1.3315499425557973, 1.3315499425557973, 2.341754704748321),
    "rare": (1.5266980460758346, 1.2154910697509247, 2.5991547992889426),
}


@pytest.mark.parametrize("name", NSB)
def test_bayesian_entropies_are_those_of_a_published_package(name):
    assert [nsb_entropy(*side) for side in sides(TABLES[name])] == pytest.approx(NSB[name], rel=6e-4)


@pytest.mark.parametrize("name", NSB)
def test_bayesian_entropies_are_those_of_their_integral(name):
    for counts, values in sides(TABLES[name]):
        n, filled = counts.sum(), np.append(counts, np.zeros(values - len(counts)))

        def weight(log, n=n, filled=filled, k=values):
            beta = np.exp(log)
            evidence = gammaln(k * beta) - gammaln(k * beta + n) + (gammaln(filled + beta) - gammaln(beta)).sum()
            return np.exp(evidence + 20) * beta * (k * polygamma(1, k * beta + 1) - polygamma(1, beta + 1))

        def mean(log, n=n, filled=filled, k=values):
            beta = np.exp(log)
            posterior = (filled + beta) / (n + k * beta)
            return digamma(n + k * beta + 1) - posterior @ digamma(filled + beta + 1)

        top, bottom = (quad(f, -12, 9, limit=500, epsabs=0)[0] for f in (lambda log: weight(log) * mean(log), weight))
        assert nsb_entropy(counts, values) == pytest.approx(top / bottom, rel=1e-4)


def test_shrunk_mi_is_that_of_the_shrunk_table():
    counts = TABLES["sparse"]
    weight = shrinkage(counts[counts > 0], counts.size)
    shares = weight / counts.size + (1 - weight) * counts / counts.sum()
    independent = shares.sum(1, keepdims=True) * shares.sum(0)
    expected = (shares * np.log(shares / independent)).sum()
    assert table_estimates(table(counts), "james_stein").value == pytest.approx(expected, abs=1e-12)
    assert 0 < weight < 1


def test_equal_counts_are_shrunk_all_the_way():
    assert shrinkage(np.array([4, 4, 4]), 3) == 1.0
