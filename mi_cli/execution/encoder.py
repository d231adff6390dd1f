"""The encoder that a finished run keeps in its folder."""

from __future__ import annotations

from dataclasses import dataclass

from mi_cli.analysis.label_efficiency import best_encoder
from mi_cli.execution.progress import RunProgress
from mi_cli.lazy import torch
from mi_cli.procedures.base import KeepsEncoder, procedure
from mi_cli.records.finished import attempt
from mi_cli.training.context import Context

__all__ = ["Kept", "keep_encoder"]


@dataclass(frozen=True)
class Kept:
    """What came of keeping an encoder: whether it worked, if there was one to keep, and lines to print."""

    is_fine: bool = True
    lines: tuple[str, ...] = ()


def keep_encoder(progress: RunProgress, device: str) -> Kept:
    """Keep the best encoder of a run, if its procedure keeps one; a shard keeps none.

    It is that of the verdict on representations, or else the one with the best mean rank (``best_encoder``). It is
    trained with the settings and the seed of the first trial.
    """
    made = procedure(progress.config)
    if not isinstance(made, KeepsEncoder) or progress.config.shard is not None:
        return Kept()
    axes = [axis for axis in progress.axes if axis != "seed"]
    method = best_encoder(progress.all_rows, axes, progress.config.evaluation.level)
    if method is None:
        return Kept()
    lines: list[str] = []

    def keep() -> None:
        what = made.keep(progress.trials[0], method, progress.folder, Context(torch.device(device)))
        lines.append(f"encoder: {progress.folder / 'encoder'} ({what})")

    is_fine = attempt("encoder", progress.folder, keep)
    return Kept(is_fine, tuple(lines))
