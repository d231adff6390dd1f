"""Random streams."""

from __future__ import annotations

from typing import get_args

import torch

from mi_cli.procedures.seeds import Stream, generator, integer

STREAMS = get_args(Stream)


def test_every_stream_of_every_seed_is_different():
    found = [integer(seed, stream) for seed in range(50) for stream in STREAMS]
    assert len(set(found)) == len(found)
    assert all(0 <= value < 2**63 for value in found)


def test_streams_do_not_change_between_versions():
    assert integer(0, "train") == 7896617691693857887
    assert integer(7, "critic") == 2228000872240873687


def test_generator_gives_the_same_numbers_for_the_same_stream_only():
    def draw(seed, stream):
        return torch.randn(3, generator=generator(seed, stream))

    assert torch.equal(draw(1, "val"), draw(1, "val"))
    assert not torch.equal(draw(1, "val"), draw(1, "test"))
    assert not torch.equal(draw(1, "val"), draw(2, "val"))
