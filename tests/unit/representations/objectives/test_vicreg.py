"""VICReg, against plain code for small arrays."""

import numpy as np
import pytest
import torch

from mi_cli.representations.objectives.vicreg import vicreg_terms


def pair(k=2, d=3, n=7):
    g = torch.Generator().manual_seed(0)
    return torch.randn(2, k, d, n, generator=g, dtype=torch.float64)


def test_vicreg_terms_by_their_formulae():
    first, second = pair()
    terms = vicreg_terms(first, second)
    for trial in range(2):
        a, b = first[trial].numpy(), second[trial].numpy()
        variance = covariance = 0.0
        for codes in (a, b):
            matrix = np.cov(codes)  # divided by n − 1
            for j in range(3):
                variance += max(0, 1 - np.sqrt(matrix[j, j] + 1e-4)) / 3 / 2
                covariance += sum(matrix[j, k] ** 2 for k in range(3) if k != j) / 3
        expected = [((a - b) ** 2).mean(), variance, covariance]
        assert [term[trial].item() for term in terms] == pytest.approx(expected)


def test_vicreg_is_zero_for_equal_white_codes():
    white = torch.linalg.qr(torch.randn(50, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(1))).Q
    white = white - white.mean(0)
    white = torch.linalg.qr(white).Q.T.unsqueeze(0) * 10
    assert [term.item() for term in vicreg_terms(white, white)] == pytest.approx([0, 0, 0], abs=1e-9)
