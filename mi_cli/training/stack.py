"""The optimisation loop: training of K networks of one shape as one tensor program.

Parameters, gradients and moments of all trials are matrices ``(K, P)`` with a row for each trial. No operation mixes
rows, and every trial has its own generators, checkpoint, stopping and divergence flag. So a trial gives the same
numbers alone and in a stack.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from mi_cli.training.checkpoints import Arrays, Stateful
from mi_cli.training.context import Context, Stopped, TooLong
from mi_cli.training.settings import Training

__all__ = ["Parameters", "State", "Trained", "train"]

# Without this, MKL may choose the order of additions at run time. AUTO,STRICT would also make sums independent of the
# number of threads and of the alignment of matrices, but training of narrow networks takes up to 1.7 times as long with
# it; tests compare trials alone and in a stack without it. MKL reads this variable at its first product.
os.environ.setdefault("MKL_CBWR", "AUTO")

Step = Callable[[Sequence[Tensor]], tuple[Tensor, Tensor]]
Validate = Callable[[Sequence[Tensor]], Mapping[str, Tensor]]


# Attributes of _Loop that checkpoints save, beside parameters and history.
_STATE = ("mean", "square", "average", "best", "best_step", "best_value", "waited", "running", "diverged", "ended")


class Parameters:
    """Parameters of K networks: ``flat`` ``(K, P)``, and ``tensors``, which are views ``(K, *shape)`` of it."""

    def __init__(self, shapes: Sequence[Sequence[int]], flat: Tensor) -> None:
        self.flat = flat
        sizes = [math.prod(shape) for shape in shapes]
        self.tensors = [
            part.view(len(flat), *shape).requires_grad_()
            for part, shape in zip(flat.split(sizes, dim=1), shapes, strict=True)
        ]


@dataclass(frozen=True)
class State:
    """The state of an optimiser: parameters ``(K, P)``, Adam's moments ``(K, P)``, and the number of steps taken."""

    flat: Tensor
    mean: Tensor
    square: Tensor
    steps: int = 0

    @classmethod
    def fresh(cls, flat: Tensor) -> State:
        """The state before the first step."""
        return cls(flat, torch.zeros_like(flat), torch.zeros_like(flat))

    def select(self, trials: Sequence[int]) -> State:
        """The state of some of the trials."""
        index = list(trials)
        return State(self.flat[index], self.mean[index], self.square[index], self.steps)

    def replaced(self, trials: Sequence[int], other: State) -> State:
        """This state with that of some trials replaced by ``other``, and with the number of steps of ``other``."""
        index = torch.tensor(trials, device=other.flat.device)
        pairs = ((self.flat, other.flat), (self.mean, other.mean), (self.square, other.square))
        flat, mean, square = (ours.to(theirs.device).index_copy(0, index, theirs.detach()) for ours, theirs in pairs)
        return State(flat, mean, square, other.steps)


@dataclass(frozen=True)
class Trained:
    """The outcome of training K trials.

    Attributes:
        best: parameters at the chosen step, ``(K, P)``.
        state: the state after the last step.
        steps: the number of steps that each trial took.
        diverged: the step at which each trial diverged; 0 if it did not.
        reasons: why each trial diverged; empty if it did not.
        history: for each metric its steps ``(T,)`` and values ``(T, K)``, which are NaN after a trial ended.
        chosen_steps: the chosen step of each trial.
    """

    best: Tensor
    state: State
    steps: list[int]
    diverged: list[int]
    reasons: list[str]
    history: dict[str, tuple[np.ndarray, np.ndarray]]
    chosen_steps: list[int]

    def traces(self, trial: int) -> dict[str, tuple[np.ndarray, np.ndarray]]:
        """Steps and values of each metric of one trial."""
        return {name: (steps, values[:, trial]) for name, (steps, values) in self.history.items()}

    def chosen(self, metric: str, trial: int) -> float | None:
        """The value of a validation metric at the chosen step; None where it was not measured."""
        if metric not in self.history:
            return None
        steps, values = self.history[metric]
        value = values[steps == self.chosen_steps[trial], trial]
        return float(value[0]) if len(value) and np.isfinite(value[0]) else None


def train(
    shapes: Sequence[Sequence[int]],
    start: State,
    lr: Tensor,
    step: Step,
    validate: Validate | None,
    training: Training,
    context: Context,
    criterion: str = "val_mi",
    stateful: Sequence[object] = (),
) -> Trained:
    """Minimise K losses by Adam.

    Args:
        shapes: shapes of the parameters of one trial.
        start: initial parameters, or the state in which an earlier training ended; it is not changed.
        lr: learning rate of each trial, ``(K,)``.
        step: from parameters to the loss ``(K,)`` and a value to record ``(K,)``; it draws its own data.
        validate: from parameters to metrics ``(K,)``. The parameters with the highest ``criterion`` are kept.
        training: the settings of training.
        context: device, progress, checkpoints and the request to stop.
        criterion: the metric that chooses the checkpoint and stops a trial.
        stateful: what ``step`` draws from or updates. Each that is :class:`Stateful` is saved in checkpoints.

    Raises:
        Stopped: the run was asked to stop.
        TooLong: the time limit of the trials has passed.

    Reference:
        Kingma & Ba 2015 (arXiv 1412.6980).
    """
    loop = _Loop(shapes, start, lr, training, context, criterion)
    saving = _Saving(loop, [part for part in stateful if isinstance(part, Stateful)], context)
    context.advance(loop.index * len(lr))
    while loop.index < training.steps and (loop.all_running or loop.running.any()):
        saving.check()
        loop.update(loop.index + 1, step)
        last = loop.index == training.steps
        if validate and (last or loop.index % training.validate_every == 0):
            loop.validate(loop.index, validate)
            _watch(loop, context)
        context.advance(len(lr))
    saving.end()
    context.advance((training.steps - loop.index) * len(lr))
    return loop.outcome()


def _watch(loop: _Loop, context: Context) -> None:
    """Report the MI on validation rows of the trials that still run, where it is measured."""
    if "val_mi" in loop.history:
        value = loop.history["val_mi"][1][-1]
        if len(finite := value[torch.isfinite(value)]):
            context.watch(finite.min().item(), finite.max().item())


class _Saving:
    """Saves the state of one training, and loads the state that an earlier attempt has saved.

    ``stateful`` are the parts beside the loop that have a state; ``saved`` is the number of steps of what is on disk.
    """

    def __init__(self, loop: _Loop, stateful: Sequence[Stateful], context: Context) -> None:
        self.loop, self.stateful, self.context, self.saved = loop, stateful, context, loop.index
        if context.checkpoints is None:
            return
        self.name, arrays = context.checkpoints.begin()
        if arrays is not None:
            state = {key: torch.from_numpy(array) for key, array in arrays.items()}
            loop.load_state_dict(state)
            for index, part in enumerate(stateful):
                prefix = f"part{index}."
                own = {key.removeprefix(prefix): value for key, value in state.items() if key.startswith(prefix)}
                part.load_state_dict(own)
            self.saved = loop.index

    def state(self) -> Arrays:
        """The state of the loop, and of each part under a prefix of its own."""
        state = self.loop.state_dict()
        for index, part in enumerate(self.stateful):
            state |= {f"part{index}.{key}": value for key, value in part.state_dict().items()}
        return {key: value.numpy(force=True) for key, value in state.items()}

    def check(self) -> None:
        """Save the state if it is time to, or if the run is asked to stop, in which case this raises."""
        try:
            self.context.check()
        except (Stopped, TooLong):
            self._write()
            raise
        if self.context.checkpoints is not None and self.context.checkpoints.due():
            self._write()

    def _write(self) -> None:
        if self.context.checkpoints is not None and self.loop.index > self.saved:
            self.context.checkpoints.write({self.name: self.state()})
            self.saved = self.loop.index

    def end(self) -> None:
        """Save the final state: a later training of the same stack may be interrupted."""
        if self.context.checkpoints is not None and self.loop.index > self.saved:
            self.context.checkpoints.end(self.name, self.state())


class _Loop:
    """The state of one call of :func:`train`."""

    def __init__(
        self,
        shapes: Sequence[Sequence[int]],
        start: State,
        lr: Tensor,
        training: Training,
        context: Context,
        criterion: str,
    ) -> None:
        device, k = context.device, len(lr)
        self.index = 0  # steps taken
        self.training, self.offset, self.criterion = training, start.steps, criterion
        self.parameters = Parameters(shapes, start.flat.clone().to(device))
        self.mean, self.square = start.mean.clone().to(device), start.square.clone().to(device)
        self.lr = lr.to(device).unsqueeze(1)
        self.average = self.parameters.flat.clone()
        self.evaluated = Parameters(shapes, self.average) if training.ema else self.parameters
        self.best = self.parameters.flat.clone()
        self.best_step = torch.zeros(k, dtype=torch.int64, device=device)
        self.best_value = torch.full((k,), -torch.inf, device=device)
        self.waited = torch.zeros(k, dtype=torch.int64, device=device)
        self.running = torch.ones(k, dtype=torch.bool, device=device)
        self.all_running = True
        self.diverged = torch.zeros(k, dtype=torch.int64, device=device)
        self.ended = torch.full((k,), training.steps, dtype=torch.int64, device=device)
        self.history: dict[str, tuple[list[int], list[Tensor]]] = {}

    def state_dict(self) -> dict[str, Tensor]:
        """All that changes from step to step."""
        state = {name: getattr(self, name) for name in _STATE} | {"flat": self.parameters.flat.detach()}
        for name, (steps, values) in self.history.items():
            state |= {f"steps.{name}": torch.tensor(steps), f"values.{name}": torch.stack(values)}
        return state | {"index": torch.tensor(self.index)}

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Load a saved state in place; views of the tensors stay valid."""
        with torch.no_grad():
            self.parameters.flat.copy_(state["flat"])
            for name in _STATE:
                getattr(self, name).copy_(state[name])
        self.index, self.all_running = int(state["index"]), bool(self.running.all())
        device = self.running.device
        for key in state:
            entry, _, name = key.partition(".")
            if entry == "steps":
                values = state[f"values.{name}"].to(device)
                self.history[name] = state[key].tolist(), list(values.unbind())

    def update(self, index: int, step: Step) -> None:
        """Take one step."""
        self.index = index
        loss, value = step(self.parameters.tensors)
        gradients = torch.autograd.grad(loss.sum(), self.parameters.tensors)
        gradient = torch.cat([g.flatten(1) for g in gradients], 1)
        with torch.no_grad():
            # One number shows whether everything is finite; only if it is not, trials are examined one by one.
            if not (self.all_running and math.isfinite(gradient.sum() + loss.sum())):
                finite = torch.isfinite(loss) & torch.isfinite(gradient).all(1)
                self.diverged += index * (self.running & ~finite)
                self.stop(~finite, index)
                gradient = torch.where(self.running.unsqueeze(1), gradient, 0.0)
            if index % self.training.log_every == 0 or index == self.training.steps:
                self.record("train_mi", index, value.detach())
            self.descend(index, gradient)

    def stop(self, trials: Tensor, index: int) -> None:
        """End some trials at a step."""
        self.ended = torch.where(self.running & trials, index, self.ended)
        self.running = self.running & ~trials
        self.all_running = bool(self.running.all())

    def descend(self, index: int, gradient: Tensor) -> None:
        """Adam's update of all trials that still run."""
        beta_1, beta_2, count = 0.9, 0.999, self.offset + index
        kept = () if self.all_running else tuple(part.clone() for part in (self.mean, self.square, self.average))
        self.mean.lerp_(gradient, 1 - beta_1)
        self.square.mul_(beta_2).addcmul_(gradient, gradient, value=1 - beta_2)
        scale = (self.square / (1 - beta_2**count)).sqrt_().add_(1e-8)
        # The arithmetic is the same in every case, so that the end of one trial changes no bit of another one.
        rate = self.lr * (-self.factor(index) / (1 - beta_1**count))
        if not self.all_running:
            rate = rate * self.running.unsqueeze(1)
        self.parameters.flat.addcmul_(self.mean / scale, rate)
        if self.training.ema:
            # The decay grows to its final value, so that the first averages cover the steps taken so far.
            self.average.lerp_(self.parameters.flat, 1 - min(self.training.ema, index / (index + 9)))
        for part, before in zip((self.mean, self.square, self.average), kept, strict=False):
            part.copy_(torch.where(self.running.unsqueeze(1), part, before))

    def factor(self, index: int) -> float:
        """The learning rate at a step, relative to the initial one."""
        if self.training.schedule == "constant":
            return 1.0
        return 0.5 * (1 + math.cos(math.pi * (index - 1) / self.training.steps))

    def validate(self, index: int, validate: Validate) -> None:
        """Record validation metrics, keep the best parameters, and stop trials that no longer improve."""
        with torch.no_grad():
            metrics = validate(self.evaluated.tensors)
            for name, value in metrics.items():
                self.record(name, index, value)
            if self.training.checkpoint == "last" and not self.training.patience:
                return
            value = metrics[self.criterion]
            better = self.running & (value > self.best_value)
            self.best_value = torch.where(better, value, self.best_value)
            self.best_step = torch.where(better, index, self.best_step)
            self.best = torch.where(better.unsqueeze(1), self.evaluated.flat, self.best)
            self.waited = torch.where(better, 0, self.waited + 1)
            if self.training.patience:
                self.stop(self.waited >= self.training.patience, index)

    def record(self, name: str, index: int, value: Tensor) -> None:
        """Add a value of a metric to the history."""
        steps, values = self.history.setdefault(name, ([], []))
        steps.append(index)
        values.append(value if self.all_running else torch.where(self.running, value, torch.nan))

    def outcome(self) -> Trained:
        """The outcome for all trials."""
        diverged = self.diverged.tolist()
        # A trial that was never validated, or whose validation was never finite, keeps its last parameters.
        last = (self.best_step == 0) | (self.training.checkpoint == "last")
        return Trained(
            best=torch.where(last.unsqueeze(1), self.evaluated.flat, self.best),
            state=State(self.parameters.flat, self.mean, self.square, self.offset + self.training.steps),
            steps=self.ended.tolist(),
            diverged=diverged,
            reasons=[f"loss or gradient became non-finite at step {step}" if step else "" for step in diverged],
            history={
                name: (np.array(steps), torch.stack(values).cpu().numpy())
                for name, (steps, values) in self.history.items()
            },
            chosen_steps=torch.where(last, self.ended, self.best_step).tolist(),
        )
