"""Every objective keeps the contracts, whatever its views and bounds."""

from __future__ import annotations

import pytest
import torch

from mi_cli.registry.builtin import OBJECTIVES
from mi_cli.registry.lookup import load
from mi_cli.representations.objectives.autoencoder import Autoencoder
from mi_cli.testing import Check, check_objective, objective_checks

FIELDS = {"two_table": {"first": ["a", "b"]}}
EVERY = [(name, FIELDS.get(name, {})) for name in OBJECTIVES]
EVERY += [(name, {"views": view}) for name in ("two_view", "vicreg", "barlow_twins") for view in ("subsets", "noise")]
EVERY += [(name, {"bound": bound}) for name in ("two_view", "infomax") for bound in ("dv", "nwj", "js", "smile")]
CHECKS = [check for name, fields in EVERY for check in objective_checks(load(OBJECTIVES[name]), fields)]


@pytest.mark.parametrize("check", CHECKS, ids=str)
def test_objective_keeps_the_contract(check: Check):
    check()


class Mixing(Autoencoder):
    """Mixes the rows of trials."""

    def reconstruction(self, step, seen):
        return super().reconstruction(step, seen.roll(1, 0))


class Restless(Autoencoder):
    """Draws from torch's own generator."""

    def loss(self, step):
        return self.reconstruction(step, step.x + torch.randn_like(step.x))


class Blind(Autoencoder):
    """Decodes from what does not depend on the encoder."""

    def reconstruction(self, step, seen):
        loss, score = super().reconstruction(step, seen)
        return (loss - loss.detach()) * 0, score


BROKEN = {
    Mixing: "encoders are the same alone and in a stack",
    Restless: "same seed gives the same encoder",
    Blind: "every weight is trained",
}


@pytest.mark.parametrize("cls", BROKEN, ids=lambda cls: cls.__name__)
def test_broken_contracts_are_named(cls):
    with pytest.raises(AssertionError, match=BROKEN[cls]):
        check_objective(cls)
