"""The rows of a trial: drawn, distorted and split before anything is fitted to them."""

from __future__ import annotations

from dataclasses import replace

import torch

from mi_cli.problems import Draw, Rows
from mi_cli.procedures.crossfit import border
from mi_cli.procedures.seeds import Stream, generator
from mi_cli.schema.config import Config

__all__ = ["fresh_rows", "parts"]

_SHARES: tuple[Stream, ...] = ("train", "val", "labelled", "test")


def parts(config: Config) -> dict[str, Rows]:
    """Disjoint rows for each part of the split, in float64. Shares are cut from one data set, other parts drawn.

    No block of rows is cut, so that with blocks the sizes are approximate. The shift moves the unlabelled parts (train
    and val), with one draw for both.
    """
    counts, used, wanted = config.rows, 0, 0
    found: dict[str, Rows] = {}
    whole = _draw(config, config.dataset.n_samples, "train") if config.dataset.n_samples else None
    for part in _SHARES:
        if whole is not None and getattr(config.split, part) <= 1:
            wanted += counts[part]
            end = border(whole, wanted)
            found[part] = whole.select(slice(used, end))
            used = end
        else:
            found[part] = _draw(config, counts[part], part)
    found["fresh"] = _draw(config, counts["fresh"], "fresh") if counts["fresh"] or not whole else whole.select(slice(0))
    if config.shift.moves:
        unlabelled = torch.cat([found["train"].x, found["val"].x])
        moved = config.shift.apply(unlabelled, generator(config.seed, "shift"))
        n_train = len(found["train"])
        found["train"] = replace(found["train"], x=moved[:n_train])
        found["val"] = replace(found["val"], x=moved[n_train:])
    return found


def fresh_rows(config: Config) -> Draw:
    """Fresh training rows of a trial, in float32."""
    source = generator(config.seed, "train")

    def draw(n: int) -> Rows:
        x, y = config.dataset.sample(n, source)
        return Rows(config.noise.apply(x, source), y)

    return Draw(draw, source)


def _draw(config: Config, n: int, stream: Stream) -> Rows:
    source = generator(config.seed, stream)
    rows = config.dataset.rows(n, source, torch.float64)
    return replace(rows, x=config.noise.apply(rows.x, source))
