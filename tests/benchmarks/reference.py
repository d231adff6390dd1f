"""The study's first version, made runnable: plain loops, one model at a time, as a reference for speed."""

from __future__ import annotations

import itertools

import numpy as np
import torch
from sklearn.linear_model import LinearRegression
from torch import nn


def network(*sizes: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for a, b in itertools.pairwise(sizes):
        layers += [nn.Linear(a, b), nn.ReLU()]
    return nn.Sequential(*layers[:-1])


def bound(joint: torch.Tensor, product: torch.Tensor) -> torch.Tensor:
    return joint.mean() - torch.log(torch.exp(product).mean())


def gaussian_loop(rho: float, steps: int = 500, n: int = 2000) -> float:
    """MINE on fresh samples of correlated Gaussians, 2-10-10-1."""
    critic = network(2, 10, 10, 1)
    optimiser = torch.optim.Adam(critic.parameters(), lr=0.01)
    value = torch.zeros(())
    for _ in range(steps):
        x, y = np.random.multivariate_normal([0, 0], [[1, rho], [rho, 1]], n).T
        joint = torch.from_numpy(np.stack([x, y], 1).astype(np.float32))
        product = torch.from_numpy(np.stack([x, np.random.permutation(y)], 1).astype(np.float32))
        value = bound(critic(joint), critic(product))
        optimiser.zero_grad()
        (-value).backward()
        optimiser.step()
    return value.item()


def maximiser_loop(x: np.ndarray, label: np.ndarray, dim: int, steps: int) -> tuple[float, float]:
    """Encoder in-10-10-d and critic (in + d)-10-10-1, trained jointly on all rows; metrics every ten steps."""
    encoder, critic = network(x.shape[1], 10, 10, dim), network(x.shape[1] + dim, 10, 10, 1)
    optimiser = torch.optim.Adam([*encoder.parameters(), *critic.parameters()], lr=0.01)
    columns = torch.from_numpy(x.astype(np.float32))
    mi, mse = 0.0, 0.0
    for step in range(1, steps + 1):
        z = encoder(columns)
        shuffled = z[torch.randperm(len(z))]
        value = bound(critic(torch.cat([columns, z], 1)), critic(torch.cat([columns, shuffled], 1)))
        optimiser.zero_grad()
        (-value).backward()
        optimiser.step()
        if step % 10 == 0:
            code = z.detach().numpy()
            probe = LinearRegression().fit(code, label)
            mi, mse = value.item(), float(((probe.predict(code) - label) ** 2).mean())
    return mi, mse
