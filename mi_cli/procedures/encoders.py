"""Encoders x → z: trained by maximising MI jointly with a critic, trained on labels, or untrained."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from mi_cli.estimators.variational import Variational
from mi_cli.networks.perceptron import Perceptron, with_ones
from mi_cli.networks.product_samples import Partners
from mi_cli.problems import Estimate, Problem, Rows
from mi_cli.procedures.seeds import generator
from mi_cli.schema.config import Config
from mi_cli.training.batches import stacked
from mi_cli.training.checkpoints import Generators
from mi_cli.training.context import Context
from mi_cli.training.critic_fit import held_out, outcomes, validation_mi
from mi_cli.training.stack import Parameters, State, Trained, train

if TYPE_CHECKING:
    from mi_cli.training.settings import Training

__all__ = [
    "Encoders",
    "Networks",
    "encoder_net",
    "independent_estimates",
    "random_encoders",
    "supervise",
    "train_encoders",
]

Array = np.ndarray[Any, np.dtype[np.float64]]


@dataclass(frozen=True)
class Networks:
    """K trained networks of one shape. They are applied to the rows of one trial at a time."""

    net: Perceptron
    flat: Tensor

    def __call__(self, trial: int, x: Tensor) -> Array:
        """Outputs ``(n, out)`` of one trial's network for rows ``(n, in)``."""
        layers = Parameters(self.net.shapes, self.flat[trial : trial + 1]).tensors
        with torch.no_grad():
            inputs = with_ones(x.float().T.unsqueeze(0).to(self.flat.device))
            return np.asarray(self.net(layers, inputs)[0].T.cpu().double().numpy())


@dataclass(frozen=True)
class Encoders:
    """The encoders of K trials, and the MI of x and their codes on held-out rows."""

    codes: Networks
    estimates: list[Estimate]


def encoder_net(config: Config) -> Perceptron:
    """An encoder of the configured size, for one stack."""
    shape = config.representation
    return Perceptron((config.dataset.dim_x, *shape.hidden, shape.dim), shape.activation)


def random_encoders(configs: Sequence[Config]) -> Networks:
    """Untrained encoders: with the initial weights that training starts from."""
    net = encoder_net(configs[0])
    return Networks(net, torch.stack([net.initial(generator(config.seed, "init")) for config in configs]))


def train_encoders(configs: Sequence[Config], rows: Sequence[dict[str, Rows]], context: Context) -> Encoders:
    """Train K encoders, each jointly with a critic of (x, z), to maximise a bound on I(x; z).

    The labels in ``rows`` are used to trace how well z predicts them, and never for training or choosing a checkpoint.
    """
    config = configs[0]
    task = _Maximisation(configs, rows, context.device)
    with context.clock("training"):
        initial = torch.stack([task.initial(c.seed) for c in configs])
        lr = torch.tensor([c.training.lr for c in configs])
        trained = train(
            *(task.shapes, State.fresh(initial), lr, task.step, task.validate, config.training, context),
            stateful=(Generators([*task.orders, *task.noise]), task.partners, task.objective),
        )
    codes = Networks(task.encoder, task.encoder_part(trained.best))
    with context.clock("evaluation"):
        estimates = task.held_out(trained, context)
    return Encoders(codes, outcomes(trained, estimates))


class _Maximisation:
    """The tensors and networks of one stack."""

    def __init__(self, configs: Sequence[Config], rows: Sequence[dict[str, Rows]], device: torch.device) -> None:
        config = configs[0]
        assert isinstance(config.estimator, Variational)  # noqa: S101 (the schema refuses others)
        self.estimator, self.config = config.estimator, config
        self.encoder = encoder_net(config)
        self.critic = self.estimator.network(config.dataset.dim_x, config.representation.dim)
        self.shapes = self.encoder.shapes + self.critic.shapes
        self.objective = self.estimator.objective()
        self.x, self.label = stacked([parts["train"] for parts in rows], device)
        self.val = stacked([parts["val"] for parts in rows], device) if len(rows[0]["val"]) else None
        held_out_part = "fresh" if len(rows[0]["fresh"]) else "test"
        self.test = stacked([parts[held_out_part] for parts in rows], device)
        orders = [generator(c.seed, "order") for c in configs]
        self.batch = config.training.batch_of(self.x.shape[2])
        self.orders = orders
        self.partners: Partners | None = None
        if self.estimator.product != "all":
            self.partners = Partners(self.estimator.product, self.estimator.n_product, self.batch, orders, device)
        self.noise = [generator(c.seed, "code") for c in configs]

    def initial(self, seed: int) -> Tensor:
        """Initial parameters of one trial, the encoder's first."""
        encoder = self.encoder.initial(generator(seed, "init"))
        return torch.cat([encoder, self.critic.initial(generator(seed, "critic"))])

    def encoder_part(self, flat: Tensor) -> Tensor:
        """The parameters of the encoders among all parameters ``(K, P)``."""
        return flat[:, : sum(a * b for a, b in self.encoder.shapes)]

    def step(self, layers: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
        x = self.x if self.batch == self.x.shape[2] else self._minibatch()
        z = self.code(layers, x)
        partners = self.partners() if self.partners else None
        return self.objective(self.critic.scores(layers[len(self.encoder.shapes) :], x, z, partners))

    def _minibatch(self) -> Tensor:
        n = self.x.shape[2]
        index = torch.stack([torch.randperm(n, generator=g)[: self.batch] for g in self.orders]).to(self.x.device)
        return self.x.gather(2, index.unsqueeze(1).expand(-1, self.x.shape[1], -1))

    def code(self, layers: Sequence[Tensor], x: Tensor) -> Tensor:
        """z ``(K, dim, n)``; with ``representation.noise``, standardised over the rows and noise added."""
        z = self.encoder(layers[: len(self.encoder.shapes)], x)
        scale = self.config.representation.noise
        if not scale:
            return z
        z = (z - z.mean(2, keepdim=True)) / (z.std(2, keepdim=True) + 1e-6)
        noise = torch.stack([torch.empty(z.shape[1:]).normal_(0, scale, generator=g) for g in self.noise])
        return z + noise.to(z.device)

    def validate(self, layers: Sequence[Tensor]) -> dict[str, Tensor]:
        """Errors of a linear regression from z to the label, and the bound on validation rows."""
        encoders, critics = layers[: len(self.encoder.shapes)], layers[len(self.encoder.shapes) :]
        z = self.encoder(encoders, self.x)
        fitted = _Regression(z, self.label)
        metrics = {"train_mse": fitted.train_mse}
        if self.val is not None:
            x, label = self.val
            metrics["val_mse"] = fitted.mse(self.encoder(encoders, x), label)
            metrics["val_mi"] = validation_mi(self.estimator, self.critic, critics, x, self.code(layers, x))
        return metrics

    @torch.no_grad()
    def held_out(self, trained: Trained, context: Context) -> list[Estimate]:
        """The bound on test rows, by the encoders' own critics."""
        layers = Parameters(self.shapes, trained.best).tensors
        x = self.test[0]
        rows = (x, self.code(layers, x).clone())
        critics = trained.best[:, sum(a * b for a, b in self.encoder.shapes) :]
        return held_out(self.estimator, self.critic, critics, rows, self.config.evaluation, context)


class _Regression:
    """Least squares from z to the label for K trials at once, in float64; a code that is constant gets weight 0."""

    def __init__(self, z: Tensor, label: Tensor) -> None:
        z, label = z.double(), label.double()
        self.mean_z, self.mean_label = z.mean(2, keepdim=True), label.mean(2, keepdim=True)
        centred, centred_label = z - self.mean_z, label - self.mean_label
        gram = centred @ centred.transpose(1, 2)
        self.weights: Tensor = (
            torch.linalg.pinv(gram, rtol=1e-10, hermitian=True) @ centred @ centred_label.transpose(1, 2)
        )
        self.train_mse = (centred_label - self.weights.transpose(1, 2) @ centred).square().mean((1, 2))

    def mse(self, z: Tensor, label: Tensor) -> Tensor:
        residual = label.double() - self.mean_label - self.weights.transpose(1, 2) @ (z.double() - self.mean_z)
        return residual.square().mean((1, 2))


def independent_estimates(
    configs: Sequence[Config], rows: Sequence[Mapping[str, Rows]], encoders: Encoders, context: Context
) -> list[Estimate]:
    """The held-out MI of the codes, by critics that are trained after the encoders where the config asks for that."""
    config = configs[0]
    if config.representation.critic == "joint":
        return encoders.estimates
    problems = [
        _coded(config, parts, encoders.codes, index)
        for index, (config, parts) in enumerate(zip(configs, rows, strict=True))
    ]
    estimates, _ = config.estimator.estimate(problems, config.training, config.evaluation, context)
    # The encoder's own training decides the status, and its traces are the ones that are recorded.
    return [
        joint if joint.status != "ok" else replace(own, history=joint.history, train_mi=joint.train_mi)
        for own, joint in zip(estimates, encoders.estimates, strict=True)
    ]


def _coded(config: Config, rows: Mapping[str, Rows], codes: Networks, index: int) -> Problem:
    """The problem of estimating I(x; z) for codes z, noise included."""
    noise, scale = generator(config.seed, "code"), config.representation.noise
    train = torch.from_numpy(codes(index, rows["train"].x))
    centre, spread = (train.mean(0), train.std(0) + 1e-6) if scale else (0.0, 1.0)

    def coded(part: str) -> Rows:
        z = (torch.from_numpy(codes(index, rows[part].x)) - centre) / spread
        return Rows(rows[part].x, z + scale * torch.empty_like(z).normal_(generator=noise))

    return Problem(
        dim_x=config.dataset.dim_x,
        dim_y=config.representation.dim,
        train=coded("train"),
        draw=None,
        val=coded("val"),
        test=coded("fresh" if len(rows["fresh"]) else "test"),
        init=generator(config.seed, "probe"),
        order=generator(config.seed, "order"),
        lr=config.training.lr,
    )


def supervise(configs: Sequence[Config], labelled: Sequence[Rows], context: Context) -> tuple[Networks, list[str]]:
    """Networks of the encoder's size with a linear output, trained on labelled rows by squared error.

    A fifth of the rows, where there are at least five, is held out to choose the checkpoint.

    Returns:
        The networks, and for each the reason why its training diverged, empty where it did not.
    """
    config = configs[0]
    shape = config.representation
    net = Perceptron((config.dataset.dim_x, *shape.hidden, shape.dim, config.dataset.dim_y), shape.activation)
    n_val = len(labelled[0]) // 5
    cut = [(Rows(rows.x[n_val:], rows.y[n_val:]), Rows(rows.x[:n_val], rows.y[:n_val])) for rows in labelled]
    x, y = stacked([rows for rows, _ in cut], context.device)
    val = stacked([rows for _, rows in cut], context.device)

    def error(layers: Sequence[Tensor], x: Tensor, y: Tensor) -> Tensor:
        return ((net(layers, x) - y) ** 2).mean((1, 2))

    def step(layers: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
        loss = error(layers, x, y)
        return loss, loss

    training = _supervised(config.training, n_val)
    with context.clock("training"):
        initial = torch.stack([net.initial(generator(c.seed, "probe")) for c in configs])
        lr = torch.tensor([c.training.lr for c in configs])
        validate = (lambda layers: {"score": -error(layers, *val)}) if n_val else None
        trained = train(net.shapes, State.fresh(initial), lr, step, validate, training, context, criterion="score")
    return Networks(net, trained.best), trained.reasons


def _supervised(training: Training, n_val: int) -> Training:
    """Settings of full-batch training, with the checkpoint chosen by labelled validation rows if there are any."""
    chosen: Any = "best" if n_val else "last"
    every = max(1, min(training.validate_every, training.steps // 20))
    return training.model_copy(
        update={"batch": "full", "checkpoint": chosen, "patience": 0, "ema": 0.0, "validate_every": every}
    )
