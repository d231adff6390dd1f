import math

import pytest
import torch

from mi_cli import networks
from mi_cli.representations import Projection, Sizes
from mi_cli.representations.objectives.contrast import Contrast, maximised
from mi_cli.representations.objectives.two_view import TwoView

SIZES = Sizes(columns=3, dim=4, outputs=0, classes=False, hidden=(8,))


class _Step:
    """The head of an objective, without an encoder."""

    def __init__(self, objective, seed=0):
        self.head = objective.head(SIZES)
        flat = self.head.initial(torch.Generator().manual_seed(seed)).unsqueeze(0)
        sizes = [math.prod(shape) for shape in self.head.shapes]
        self.head_layers = [
            part.view(1, *shape) for part, shape in zip(flat.split(sizes, 1), self.head.shapes, strict=True)
        ]


def codes(n=6, seed=1):
    return torch.randn(1, 4, 2 * n, generator=torch.Generator().manual_seed(seed))


def test_infonce_is_the_loss_of_scarf():
    objective = TwoView(projection=(5, 3), temperature=0.7)
    step = _Step(objective)
    loss, value = objective.contrast(step, codes())
    first_layer, second_layer = step.head_layers
    views = []
    for z in codes()[0].T.chunk(2):  # by its formula, a row at a time
        hidden = torch.relu(z @ first_layer[0, :, :-1].T + first_layer[0, :, -1])
        out = hidden @ second_layer[0, :, :-1].T + second_layer[0, :, -1]
        views.append(out / out.norm(dim=1, keepdim=True))
    similarity = torch.exp(views[0] @ views[1].T / 0.7)
    expected = -torch.log(similarity.diagonal() / similarity.mean(1)).mean()
    assert loss.item() == pytest.approx(expected.item(), abs=1e-6)
    assert value.item() == -loss.item()


def test_without_a_projection_codes_are_compared_themselves():
    objective = TwoView(projection=())
    assert objective.head(SIZES).shapes == []
    _, value = objective.contrast(_Step(objective), torch.cat([codes()[:, :, :6]] * 2, 2))
    assert 0 < value.item() < math.log(6)


@pytest.mark.parametrize("bound", ["dv", "nwj", "js", "smile"])
def test_calibrated_bounds_train_a_scale_and_a_constant(bound):
    objective = TwoView(bound=bound, temperature=0.25)
    step = _Step(objective)
    assert step.head_layers[-1].flatten().tolist() == pytest.approx([math.log(4), 0])
    constants = step.head_layers[-1].requires_grad_()
    loss, _ = objective.contrast(step, codes())
    loss.sum().backward()
    assert torch.isfinite(constants.grad).all()
    if bound != "dv":  # which does not depend on the constant
        assert constants.grad[0, 0, 1] != 0


def scores(table):
    return networks.Scores.of_every_pair(torch.tensor([table]))


def test_bounds_by_their_formulae():
    table = [[2.0, -1.0], [0.5, 1.0]]
    joint, product = [2.0, 1.0], [-1.0, 0.5]
    mean_exp = sum(math.exp(t) for t in product) / 2
    mean = sum(joint) / 2
    softplus = [math.log1p(math.exp(-t)) for t in joint], [math.log1p(math.exp(t)) for t in product]
    js = -sum(softplus[0]) / 2 - sum(softplus[1]) / 2
    expected = {
        "infonce": math.log(2)
        + (2 - math.log(math.exp(2) + math.exp(-1)) + 1 - math.log(math.exp(0.5) + math.exp(1))) / 2,
        "dv": mean - math.log(mean_exp),
        "nwj": mean + 1 - mean_exp,
        "js": js,
    }
    for bound, value in expected.items():
        loss, found = maximised(bound, scores(table), clip=5.0)
        assert found.item() == pytest.approx(value, abs=1e-6)
        assert loss.item() == pytest.approx(-value, abs=1e-6)
    loss, found = maximised("smile", scores(table), clip=0.1)
    assert loss.item() == pytest.approx(-js, abs=1e-6)
    assert found.item() == pytest.approx(mean - math.log((math.exp(-0.1) + math.exp(0.1)) / 2), abs=1e-6)


def test_projection_is_open_to_subclasses():
    assert issubclass(TwoView, Contrast)
    assert isinstance(TwoView().head(SIZES), Projection)
