"""The rows of a trial: drawn, distorted and split before anything is fitted to them."""

from __future__ import annotations

from dataclasses import replace

from mi_cli.lazy import torch
from mi_cli.problems import Draw, Rows
from mi_cli.procedures.crossfit import block_boundary
from mi_cli.procedures.seeds import Stream, generator
from mi_cli.schema.config import Config

__all__ = ["encoder_rows", "fresh_rows", "split_rows"]

_SHARES: tuple[Stream, ...] = ("train", "val", "labelled", "test")


def split_rows(config: Config) -> dict[str, Rows]:
    """The rows of a trial by part of the split: ``train``, ``val``, ``labelled``, ``test`` and ``fresh``.

    The parts are disjoint, with x ``(n, dim_x)`` and y ``(n, dim_y)`` in float64. Where the config gives a share, the
    part is cut from one data set; where it gives a number of rows, they are drawn separately. No block of rows is cut,
    so that with blocks the sizes are approximate. The shift moves the unlabelled parts (train and val), with one draw
    for both.
    """
    counts, start, target = config.rows, 0, 0
    parts: dict[str, Rows] = {}
    whole = _draw(config, config.dataset.n_samples, "train") if config.dataset.n_samples else None
    for part in _SHARES:
        if whole is not None and getattr(config.split, part) <= 1:
            target += counts[part]
            end = block_boundary(whole, target)
            parts[part] = whole.select(slice(start, end))
            start = end
        else:
            parts[part] = _draw(config, counts[part], part)
    parts["fresh"] = _draw(config, counts["fresh"], "fresh") if counts["fresh"] or not whole else whole.select(slice(0))
    if config.shift.moves:
        unlabelled = torch.cat([parts["train"].x, parts["val"].x])
        moved = config.shift.apply(unlabelled, generator(config.seed, "shift"))
        n_train = len(parts["train"])
        parts["train"] = replace(parts["train"], x=moved[:n_train])
        parts["val"] = replace(parts["val"], x=moved[n_train:])
    return _numbered(parts) if config.evaluation.pointwise else parts


def _numbered(parts: dict[str, Rows]) -> dict[str, Rows]:
    """The parts with numbers of their rows: those of a table, or those of all rows that are drawn, part by part."""
    if all(rows.number is not None for rows in parts.values()):
        return parts
    start, numbered = 0, {}
    for name, rows in parts.items():
        numbered[name] = replace(rows, number=torch.arange(start, start + len(rows)))
        start += len(rows)
    return numbered


def encoder_rows(config: Config) -> dict[str, Rows]:
    """The rows of a trial for encoders and probes: those of :func:`split_rows`, with columns of a table in one scale.

    Columns of a table have units of their own. They are standardised by the training rows, so that none outweighs the
    others; those that do not vary there are 0.
    """
    parts = split_rows(config)
    if not config.dataset.finite:
        return parts
    centre, spread = parts["train"].x.mean(0), parts["train"].x.std(0)
    scale = torch.where(spread > 0, 1 / spread, torch.zeros_like(spread))
    return {name: replace(rows, x=(rows.x - centre) * scale) for name, rows in parts.items()}


def fresh_rows(config: Config) -> Draw:
    """Fresh training rows of a trial, in float32."""
    source = generator(config.seed, "train")

    def draw(n: int) -> Rows:
        x, y = config.dataset.sample(n, source)
        return Rows(config.noise.apply(x, source), y)

    return Draw(draw, source)


def _draw(config: Config, n: int, stream: Stream) -> Rows:
    source = generator(config.seed, stream)
    if not config.evaluation.pointwise:
        rows = config.dataset.rows(n, source, torch.float64)
    else:
        rows = config.dataset.pointwise_rows(n, source, torch.float64)
        if config.noise.scale:  # which changes the density
            rows = replace(rows, pointwise=None)
    return replace(rows, x=config.noise.apply(rows.x, source))
