import math

import numpy as np
import pytest
import torch

from mi_cli.estimators.subsampling import subsampled, subsampled_error
from mi_cli.estimators.training_free import block_numbers
from mi_cli.problems import Rows


def test_subsampled_error_is_that_of_a_mean():
    # Of 10 subsets; false alarms: the ratio's square is about chi² with 9 degrees of freedom; 1e-6 beyond .22 and 2.5.
    values = np.random.default_rng(0).standard_normal(4000)
    error, freedom = subsampled_error(lambda part: float(values[part].mean()), 4000, 50, 150, np.random.default_rng(1))
    assert freedom == 9
    assert 0.22 < error / (values.std() / 4000**0.5) < 2.5


def test_subsets_are_disjoint_and_cover_the_rows():
    seen = []
    subsampled_error(lambda part: float(len(seen.append(part) or part)), 103, 20, 50, np.random.default_rng(0))
    assert len(seen) == 40
    for first, second in zip(seen[::2], seen[1::2], strict=True):
        assert sorted([*first, *second]) == list(range(103))


def test_error_of_few_rows_has_a_degree_of_freedom_for_every_ten_of_them():
    for n, freedom in ((20, 2), (40, 4), (95, 9), (5000, 9)):
        values = np.random.default_rng(0).standard_normal(n)
        found = subsampled_error(lambda part, v=values: float(v[part].mean()), n, 8, 96, np.random.default_rng(1))
        assert found[1] == freedom
        assert 0.3 < found[0] * n**0.5 < 2.5


def test_subsets_keep_blocks_whole_and_have_enough_rows():
    random = np.random.default_rng(0)
    labels = torch.from_numpy(random.integers(40, size=500))
    block = block_numbers(Rows(torch.zeros(500, 1), torch.zeros(500, 1), labels))
    seen = []

    def of(part):
        seen.append(part)
        return float(len(part))

    _, freedom = subsampled_error(of, 500, 20, 60, random, block)
    assert min(map(len, seen)) >= 20
    m = sum(0 in part for part in seen)  # partitions, as row 0 is once in each
    size, rest = divmod(len(seen), m)
    assert (rest, freedom) == (0, max(size - 1, 4))
    for low in range(0, len(seen), size):
        parts = seen[low : low + size]
        assert sorted(np.concatenate(parts)) == list(range(500))
        assert sum(len(np.unique(block[part])) for part in parts) == 40


def test_drift_of_a_bias_that_falls_with_the_rows_gives_the_bias():
    for power in (0.5, 1.0):

        def biased(part, power=power):
            return 2.0 - 3.0 * len(range(400)[part] if isinstance(part, slice) else part) ** -power

        result = subsampled(biased, 400, 20, 60, np.random.default_rng(0))
        assert result.value == pytest.approx(2 - 3 * 400**-power)
        assert result.drift / (2**power - 1) == pytest.approx(2 - result.value)


def test_drift_of_a_mean_is_zero():
    values = np.random.default_rng(0).standard_normal(401)
    result = subsampled(lambda part: float(values[part].mean()), 401, 20, 60, np.random.default_rng(1))
    assert abs(result.drift) < 1e-12
    assert math.isfinite(result.stderr)
