"""Training of encoders, all of one shape as one stack."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, TypeAlias

import numpy as np
import torch
from torch import Tensor

from mi_cli.representations.networks import EncoderNet, encoder_net
from mi_cli.representations.objectives.base import Objective
from mi_cli.representations.shape import EncoderShape, Sizes
from mi_cli.representations.step import Step
from mi_cli.representations.views import Draws
from mi_cli.training.checkpoints import Generators
from mi_cli.training.context import Context
from mi_cli.training.settings import Training
from mi_cli.training.stack import Parameters, State, Trained, train

__all__ = ["EncodingTask", "TrainedEncoder", "fit_encoders"]

Array: TypeAlias = np.ndarray[Any, Any]
History: TypeAlias = dict[str, tuple[Array, Array]]

_FEWEST_ROWS = 2  # of which one can be compared with another
_ROWS = 1024  # that are validated together, or encoded together
_STREAMS = ("init", "head", "order", "views", "validation")
_SALT = 20_231_116  # so that a task's streams are not those of a trial with the same seed


@dataclass(frozen=True, eq=False)
class EncodingTask:
    """What one encoder is trained on.

    Attributes:
        x: encoded columns of the training rows, ``(n, d)``.
        groups: for each encoded column, the number of the column of the table; as :class:`ColumnEncoder` has them.
        x_val: the same of the rows that choose the checkpoint, ``(m, d)``; with fewer than 2 the last step is kept.
        y: labels, for objectives that learn from them: numbers ``(n, q)`` or ``(n,)``, or classes ``(n,)`` from 0.
        y_val: labels of the validation rows.
        classes: how many classes there are; None where labels are numbers.
        seed: of all that is drawn for this task.
        lr: its learning rate.
        names: the columns of the table, for objectives that name some.
        start: an encoder of the same shape whose weights training starts from, as in fine-tuning.
    """

    x: Array
    groups: Sequence[int]
    x_val: Array
    y: Array | None = None
    y_val: Array | None = None
    classes: int | None = None
    seed: int = 0
    lr: float = 1e-3
    names: tuple[str, ...] = ()
    start: TrainedEncoder | None = None


@dataclass(frozen=True, eq=False)
class TrainedEncoder:
    """A trained encoder of one task.

    Attributes:
        shape: of the encoder.
        columns: how many encoded columns it takes.
        weights: its parameters by name, in float32.
        parts: the groups of encoded columns whose codes are averaged, as flags.
        output: of a supervised objective, the linear layer ``(q, dim + 1)`` with its bias last; None for others.
        centre: what is added to the outputs ``(q,)``, so that they are in the unit of the label.
        spread: what they are multiplied by before, ``(q,)``.
        status: ``ok``, or ``diverged`` if a number became non-finite.
        reason: why it diverged.
        steps: training steps taken.
        chosen_step: the step whose weights are kept.
        score: the score on validation rows at that step; None without such rows.
        history: steps ``(T,)`` and values ``(T,)`` of ``train_score`` and ``val_score``.
    """

    shape: EncoderShape
    columns: int
    weights: Mapping[str, Tensor] = field(repr=False)
    parts: tuple[tuple[bool, ...], ...]
    output: Tensor | None = field(default=None, repr=False)
    centre: Array | None = None
    spread: Array | None = None
    status: Literal["ok", "diverged"] = "ok"
    reason: str = ""
    steps: int = 0
    chosen_step: int = 0
    score: float | None = None
    history: History = field(default_factory=dict, repr=False)

    def codes(self, x: Array) -> Array:
        """Codes ``(n, dim)`` in float64 of encoded columns ``(n, d)``.

        Raises:
            ValueError: the rows have another number of columns.
        """
        if x.ndim != 2 or x.shape[1] != self.columns:
            raise ValueError(f"rows of shape {x.shape}; accepted: (n, {self.columns})")
        net = encoder_net(self.columns, self.shape)
        flags = [torch.tensor(part) for part in self.parts]
        codes = np.empty((len(x), self.shape.dim))
        with torch.no_grad():
            for low in range(0, len(x), _ROWS):
                rows = torch.from_numpy(np.ascontiguousarray(x[low : low + _ROWS]))
                parts = [net.apply(self.weights, rows * flag) for flag in flags]
                codes[low : low + _ROWS] = torch.stack(parts).mean(0).numpy()
        return codes

    def outputs(self, x: Array) -> Array:
        """Predictions ``(n, q)`` of a supervised encoder: labels in their unit, or logits of the classes.

        Raises:
            ValueError: the encoder was not trained on labels.
        """
        if self.output is None or self.centre is None or self.spread is None:
            raise ValueError("the encoder was trained without labels; accepted: one of a supervised objective")
        layer = self.output.double().numpy()
        outputs: Array = (self.codes(x) @ layer[:, :-1].T + layer[:, -1]) * self.spread + self.centre
        return outputs


def fit_encoders(
    objective: Objective, shape: EncoderShape, tasks: Sequence[EncodingTask], training: Training, context: Context
) -> list[TrainedEncoder]:
    """Train an encoder for each task. Tasks with arrays of the same shapes are trained as one stack.

    What one task gets does not depend on the others.

    Args:
        objective: what the encoders are trained to do.
        shape: of the encoders.
        tasks: what each of them is trained on.
        training: the settings of training; ``lr`` is that of each task.
        context: device, progress and the request to stop.

    Raises:
        ConfigError: the objective does not fit the columns.
        ValueError: the objective needs labels that a task does not have, or a task has fewer than 2 training rows.
        Stopped: the run was asked to stop.
        TooLong: the time limit has passed.
    """
    stacks: dict[Any, list[int]] = {}
    for index, task in enumerate(tasks):
        if objective.learns_from_labels and task.y is None:
            raise ValueError(f"{objective.name} without labels; accepted: a task with y")
        if len(task.x) < _FEWEST_ROWS:
            raise ValueError(f"{len(task.x)} training rows; accepted: {_FEWEST_ROWS} or more")
        stacks.setdefault(_key(objective, task), []).append(index)
    encoders: dict[int, TrainedEncoder] = {}
    for members in stacks.values():
        stack = _Stack(objective, shape, [tasks[index] for index in members], training, context)
        encoders |= dict(zip(members, stack.fit(), strict=True))
    return [encoders[index] for index in range(len(tasks))]


def _key(objective: Objective, task: EncodingTask) -> Any:
    """Equal for tasks that can be trained as one stack."""
    labels = None
    if objective.learns_from_labels:
        labels = task.classes, *(None if y is None else np.shape(y) for y in (task.y, task.y_val))
    return task.x.shape, task.x_val.shape, tuple(task.groups), task.names, labels


class _Stack:
    """The tensors and networks of one stack."""

    def __init__(
        self,
        objective: Objective,
        shape: EncoderShape,
        tasks: Sequence[EncodingTask],
        training: Training,
        context: Context,
    ) -> None:
        self.objective, self.shape, self.tasks, self.training, self.context = objective, shape, tasks, training, context
        first, device = tasks[0], context.device
        labelled = objective.learns_from_labels
        self.labels = [_Labels(task) for task in tasks] if labelled else []
        self.x = _stacked([task.x for task in tasks], device)
        self.val = _stacked([task.x_val for task in tasks], device)
        nothing = np.empty((0, 0))
        self.y = _stacked([labels.y for labels in self.labels] or [nothing] * len(tasks), device)
        self.y_val = _stacked([labels.y_val for labels in self.labels] or [nothing] * len(tasks), device)
        self.groups = torch.tensor(first.groups, dtype=torch.int64, device=device)
        self.sizes = Sizes(
            columns=self.x.shape[1],
            dim=shape.dim,
            outputs=self.y.shape[1],
            classes=labelled and first.classes is not None,
            hidden=shape.hidden,
            names=first.names,
            groups=tuple(first.groups),
        )
        self.parts = tuple(tuple(part) for part in objective.parts(self.sizes))
        self.encoder: EncoderNet = encoder_net(self.sizes.columns, shape)
        self.head = objective.head(self.sizes)
        self.shapes = [*self.encoder.shapes, *(self.head.shapes if self.head else ())]
        self.rows = _RowOrders(self.x.shape[2], training, [_generator(task.seed, "order") for task in tasks])
        self.draws = self._draws("views")

    def _draws(self, stream: str) -> Draws:
        return Draws([_generator(task.seed, stream) for task in self.tasks], self.context.device)

    def initial(self) -> Tensor:
        """Initial parameters, ``(K, P)``, those of the encoders first."""
        rows = []
        for task in self.tasks:
            if task.start is None:
                parts = [self.encoder.initial(_generator(task.seed, "init"))]
            else:
                parts = [task.start.weights[name].flatten() for name in self.encoder.names]
            if self.head is not None:
                parts.append(self.head.initial(_generator(task.seed, "head")))
            rows.append(torch.cat(parts))
        return torch.stack(rows)

    def fit(self) -> list[TrainedEncoder]:
        """The trained encoders, one for each task."""
        initial = self.initial()
        if not self.objective.trains:
            return [self._encoder(initial[index]) for index in range(len(self.tasks))]
        lr = torch.tensor([task.lr for task in self.tasks])
        training = self.training
        validates = self.val.shape[2] >= _FEWEST_ROWS
        if not validates:
            training = training.model_copy(update={"checkpoint": "last", "patience": 0})
        validate = self.validate if validates else None
        with self.context.clock("training"):
            trained = train(
                *(self.shapes, State.fresh(initial), lr, self.step, validate, training, self.context),
                criterion="val_score",
                stateful=(self.rows, self.draws),
            )
        best = trained.best.cpu()
        return [self._encoder(best[index], trained, index) for index in range(len(self.tasks))]

    def step(self, layers: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
        """The loss and the score of some training rows."""
        index = self.rows()
        if index is None:
            return self.objective.loss(self._step(layers, self.x, self.y, self.draws))
        index = index.to(self.x.device).unsqueeze(1)
        x, y = (part.gather(2, index.expand(-1, part.shape[1], -1)) for part in (self.x, self.y))
        return self.objective.loss(self._step(layers, x, y, self.draws))

    def validate(self, layers: Sequence[Tensor]) -> dict[str, Tensor]:
        """The score of the validation rows. The views of a row are the same at every step."""
        draws, n = self._draws("validation"), self.val.shape[2]
        total = torch.zeros(len(self.tasks), device=self.x.device)
        pieces = -(-n // _ROWS)
        for piece in range(pieces):  # of about equal sizes: the value of a contrast depends on the number of rows
            rows = slice(piece * n // pieces, (piece + 1) * n // pieces)
            step = self._step(layers, self.val[:, :, rows].contiguous(), self.y_val[:, :, rows], draws)
            total += self.objective.loss(step)[1] * (rows.stop - rows.start)
        return {"val_score": total / n}

    def _step(self, layers: Sequence[Tensor], x: Tensor, y: Tensor, draws: Draws) -> Step:
        cut = len(self.encoder.shapes)
        networks = self.encoder, layers[:cut], self.head, layers[cut:]
        return Step(x, y, self.x, self.groups, self.sizes, draws, *networks)

    def _encoder(self, flat: Tensor, trained: Trained | None = None, index: int = 0) -> TrainedEncoder:
        """The encoder of one task, with its parameters among those of all networks ``(P,)``."""
        tensors = [tensor[0] for tensor in Parameters(self.shapes, flat.detach().clone().unsqueeze(0)).tensors]
        tensors = [tensor.detach() for tensor in tensors]
        cut = len(self.encoder.shapes)
        weights = dict(zip(self.encoder.names, tensors[:cut], strict=True))
        labels = self.labels[index] if self.labels else None
        encoder = TrainedEncoder(
            shape=self.shape,
            columns=self.sizes.columns,
            weights=weights,
            parts=self.parts,
            output=tensors[cut] if labels else None,
            centre=labels.centre if labels else None,
            spread=labels.spread if labels else None,
        )
        if trained is None:
            return encoder
        names = {"train_mi": "train_score"}
        return replace(
            encoder,
            status="diverged" if trained.reasons[index] else "ok",
            reason=trained.reasons[index],
            steps=trained.steps[index],
            chosen_step=trained.chosen_steps[index],
            score=trained.chosen("val_score", index),
            history={names.get(name, name): trace for name, trace in trained.traces(index).items()},
        )


class _Labels:
    """The labels of one task, as networks are trained on them.

    Numbers are standardised by the training rows; a class is 1 in its own column and 0 in the others.
    """

    def __init__(self, task: EncodingTask) -> None:
        if task.classes is not None:
            self.centre, self.spread = np.zeros(task.classes), np.ones(task.classes)
            self.y, self.y_val = (self._of_classes(labels, task.classes) for labels in (task.y, task.y_val))
            return
        y = np.asarray(task.y, np.float64)
        y = y.reshape(len(y), -1)
        self.centre, spread = y.mean(0), y.std(0)
        self.spread = np.where(spread > 0, spread, 1.0)
        self.y, self.y_val = (self._of_numbers(labels) for labels in (task.y, task.y_val))

    def _of_numbers(self, labels: Array | None) -> Array:
        if labels is None:
            return np.empty((0, len(self.centre)))
        return (np.asarray(labels, np.float64).reshape(len(labels), -1) - self.centre) / self.spread

    @staticmethod
    def _of_classes(labels: Array | None, classes: int) -> Array:
        return np.eye(classes)[np.asarray([] if labels is None else labels, np.int64).reshape(-1)]


class _RowOrders:
    """The rows of each step. Each task has its own order, and uses each row once in every epoch."""

    def __init__(self, n: int, training: Training, generators: Sequence[torch.Generator]) -> None:
        self.n, self.batch, self.generators = n, training.batch_of(n), generators
        self.order, self.used = torch.empty(0, dtype=torch.int64), n

    def __call__(self) -> Tensor | None:
        """Indices of the rows of the next step, ``(K, batch)``; None for all rows."""
        if self.batch == self.n:
            return None
        if self.used + self.batch > self.n:
            self.order = torch.stack([torch.randperm(self.n, generator=g) for g in self.generators])
            self.used = 0
        self.used += self.batch
        return self.order[:, self.used - self.batch : self.used]

    def state_dict(self) -> dict[str, Tensor]:
        """The order of the rows, how many of them are used up, and the states of the generators."""
        used = torch.tensor(self.used)
        return {"order": self.order, "used": used, **Generators(self.generators).state_dict()}

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Continue in a saved order."""
        self.order, self.used = state["order"], int(state["used"])
        Generators(self.generators).load_state_dict(state)


def _stacked(arrays: Sequence[Array], device: torch.device) -> Tensor:
    """Arrays ``(n, d)`` of K tasks, feature-major in float32, ``(K, d, n)``."""
    return torch.stack([torch.from_numpy(np.ascontiguousarray(rows.T, np.float32)) for rows in arrays]).to(device)


def _generator(seed: int, stream: str) -> torch.Generator:
    """The generator of one use of randomness in a task, on the CPU."""
    sequence = np.random.SeedSequence([_SALT, seed, _STREAMS.index(stream)])
    return torch.Generator().manual_seed(int(sequence.generate_state(1, np.uint64)[0] >> np.uint64(1)))
