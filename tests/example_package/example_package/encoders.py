"""An encoder: a module of torch, made of the columns of a row and of its code."""

import torch


class Gated(torch.nn.Module):
    """Each value of a code is a linear function of the columns, multiplied by a gate between 0 and 1."""

    def __init__(self, columns: int, dim: int) -> None:
        super().__init__()
        self.value = torch.nn.Linear(columns, dim)
        self.gate = torch.nn.Linear(columns, dim)

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        """Codes ``(n, dim)`` of rows ``(n, columns)``."""
        return self.value(rows) * torch.sigmoid(self.gate(rows))
