"""The example package keeps the contracts, which it checks as any other package would: without pytest."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib

import numpy as np
import polars as pl
import pytest
import torch
from examples import SMALL, TESTS, merged, trials

import mi_cli
from mi_cli import api, representations
from mi_cli.procedures.represent import Represent
from mi_cli.registry import plugins
from mi_cli.registry.lookup import section_class
from mi_cli.schema.config import validate
from mi_cli.tabular.in_memory import named_columns
from mi_cli.training.context import Context
from mi_cli.training.settings import Training

EXAMPLE = TESTS / "example_package"
CHECKS = """
import importlib, os, sys
from importlib.metadata import distribution
from mi_cli import testing

checks = {
    "mi_cli.estimators": testing.check_estimator,
    "mi_cli.datasets": testing.check_dataset,
    "mi_cli.procedures": testing.check_procedure,
    "mi_cli.objectives": testing.check_objective,
}
for entry in distribution("example-package").entry_points:
    if entry.group in checks:
        checks[entry.group](entry.load())
        print(entry.name)
assert "pytest" not in sys.modules
sys.stdout.flush()
os._exit(0)  # to take torch down takes half a second
"""


@pytest.fixture
def site(tmp_path):
    """The example package as if pip had installed it: which takes seconds, and hatchling."""
    shutil.copytree(EXAMPLE / "example_package", tmp_path / "example_package")
    project = tomllib.loads((EXAMPLE / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    folder = tmp_path / f"example_package-{project['version']}.dist-info"
    folder.mkdir()
    head = f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n"
    (folder / "METADATA").write_text(head, encoding="utf-8")
    groups = project["entry-points"].items()
    lines = [line for group, of in groups for line in (f"[{group}]", *(f"{key} = {path}" for key, path in of.items()))]
    (folder / "entry_points.txt").write_text("\n".join(lines), encoding="utf-8")
    return tmp_path


def forget():
    """Have packages looked for again."""
    for cached in (plugins.installed, plugins._loaded, api._section, api._yaml):
        cached.cache_clear()


@pytest.fixture
def installed(site, monkeypatch):
    """The folder of the example package, which this process can import."""
    with monkeypatch.context() as patch:
        patch.syspath_prepend(site)
        forget()
        yield site / "example_package"
        for name in [name for name in sys.modules if name.partition(".")[0] == "example_package"]:
            del sys.modules[name]
    forget()


def test_example_package_keeps_the_contracts(site):
    path = os.pathsep.join(filter(None, (str(site), os.environ.get("PYTHONPATH"))))
    environment = os.environ | {"PYTHONPATH": path}
    done = subprocess.run([sys.executable, "-c", CHECKS], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert {"gaussian_fit", "added_uniform", "mixed"} <= set(done.stdout.split())


@pytest.mark.parametrize("shrinkage", [0.0, 0.5])
def test_estimate_takes_estimators_of_packages_with_the_defaults_of_their_yaml(installed, shrinkage):
    from example_package.estimators import GaussianFit  # which is only there now

    if shrinkage:
        folder = installed / "configs" / "estimator"
        folder.mkdir()
        (folder / "gaussian_fit.yaml").write_text(f"name: gaussian_fit\nshrinkage: {shrinkage}\n", encoding="utf-8")
    x, noise = np.random.default_rng(0).normal(size=(2, 100))
    estimates = [mi_cli.estimate(x, x + noise, chosen) for chosen in ("gaussian_fit", GaussianFit(shrinkage=shrinkage))]
    assert estimates[0].status == "ok"
    assert estimates[0] == estimates[1]


def fitted(name, objective, seeds=(0, 1)):
    """Encoders of a name, trained by an objective of a name for some steps."""
    x = np.random.default_rng(0).normal(size=(80, 4)).astype(np.float32)
    tasks = [representations.EncodingTask(x[:60], range(4), x[60:], seed=seed, lr=0.01) for seed in seeds]
    shape = representations.EncoderShape(name=name, dim=3)
    chosen = section_class("objective", objective)()
    context = Context(torch.device("cpu"))
    return representations.fit_encoders(chosen, shape, tasks, Training(steps=9, batch=32, validate_every=3), context)


@pytest.mark.parametrize(("name", "objective"), [("gated", "two_view"), ("gated", "mixed"), ("mlp", "mixed")])
def test_encoders_and_objectives_of_packages_are_stacked(installed, name, objective):
    pair, (alone,) = fitted(name, objective), fitted(name, objective, seeds=(1,))
    x = np.random.default_rng(1).normal(size=(20, 4)).astype(np.float32)
    assert pair[1].codes(x) == pytest.approx(alone.codes(x), abs=1e-5)
    assert np.abs(pair[0].codes(x) - pair[1].codes(x)).max() > 0.01
    (before,) = fitted(name, "untrained", seeds=(1,))
    assert all(not torch.equal(weights, before.weights[key]) for key, weights in alone.weights.items())


def test_codes_of_a_module_are_those_of_the_module_itself(installed):
    from example_package.encoders import Gated

    (encoder,) = fitted("gated", "autoencoder", seeds=(3,))
    module = Gated(4, 3)
    module.load_state_dict(dict(encoder.weights))
    x = np.random.default_rng(1).normal(size=(20, 4)).astype(np.float32)
    assert encoder.codes(x) == pytest.approx(module(torch.from_numpy(x)).detach().numpy(), abs=1e-6)


def test_encoder_of_a_package_is_loaded_where_it_is_trusted(installed, tmp_path):
    (encoder,) = fitted("gated", "two_view", seeds=(0,))
    x = np.random.default_rng(0).normal(size=(80, 4))
    encoding = representations.ColumnEncoder.fit(named_columns(x))
    representations.save_encoder(tmp_path / "run", encoder, encoding, section_class("objective", "two_view")())
    kept = representations.load_encoder(tmp_path / "run", trust=True)
    assert (kept.transform(x) == encoder.codes(encoding.transform(named_columns(x)))).all()
    del sys.modules["example_package.encoders"]
    plugins._loaded.cache_clear()
    with pytest.raises(mi_cli.ConfigError, match="the network is gated, of another package"):
        representations.load_encoder(tmp_path / "run")
    assert "example_package.encoders" not in sys.modules


MODULES = {
    "Buffered": "has buffers (1.running_mean, 1.running_var",
    "Narrow": "makes (2, 1) of rows (2, 4)",
    "Double": "has no parameters in float32",
    "Text": "makes str",
}


@pytest.mark.parametrize("kind", MODULES)
def test_modules_that_cannot_be_encoders_are_refused(installed, kind):
    (installed / "encoders.py").write_text(
        "import torch\n"
        "Linear = torch.nn.Linear\n"
        "def Buffered(columns, dim): return torch.nn.Sequential(Linear(columns, dim), torch.nn.BatchNorm1d(dim))\n"
        "def Narrow(columns, dim): return Linear(columns, 1)\n"
        "def Double(columns, dim): return Linear(columns, dim).double()\n"
        "def Text(columns, dim): return 'text'\n"
        f"Gated = {kind}\n"
    )
    with pytest.raises(mi_cli.ConfigError) as error:
        fitted("gated", "two_view")
    assert str(error.value).startswith(f"representation.name=gated: {MODULES[kind]}")


def test_unknown_encoders_are_refused():
    with pytest.raises(mi_cli.ConfigError) as error:
        fitted("nothing", "two_view")
    assert error.value.faults[0].key == "representation.name"


def test_runs_compare_encoders_and_objectives_of_packages(installed, tmp_path):
    columns = dict(zip("abct", np.random.default_rng(0).normal(size=(4, 90)), strict=True))
    pl.DataFrame(columns).write_csv(tmp_path / "table.csv")
    (trial,) = trials(
        {
            "procedure": "represent",
            "estimator": {"name": "infonce", "hidden": [8], "embedding": 4},
            "dataset": {"name": "labelled_table", "path": str(tmp_path / "table.csv"), "label": "t"},
            "representation": {"name": "gated", "dim": 2, "hidden": [8], "objectives": ["mixed"]},
            "training": {"steps": 6, "batch": 32, "validate_every": 3},
            "split": {"train": 0.6, "val": 0.1, "test": 0.3, "labels": 20},
        }
    )
    assert {"encoder", "objective"} <= {kind for kind, _ in trial.config.computed_by}
    (outcome,) = Represent().run([trial], Context(torch.device("cpu")))
    assert outcome.methods["mixed"]["status"] == "ok"
    Represent().keep(trial, "mixed", tmp_path, Context(torch.device("cpu")))
    assert representations.load_encoder(tmp_path, trust=True).network.shape.name == "gated"


@pytest.mark.parametrize(
    ("more", "accepted"),
    [
        ({"representation": {"name": "nothing"}}, "mlp"),
        ({"procedure": "maximise", "representation": {"name": "gated"}, "dataset": {"n_samples": 99}}, "mlp"),
    ],
)
def test_encoders_that_a_config_cannot_have_are_refused(request, more, accepted):
    if more["representation"]["name"] == "gated":
        request.getfixturevalue("installed")
    with pytest.raises(mi_cli.ConfigError) as error:
        validate(merged(SMALL, more))
    (fault,) = [fault for fault in error.value.faults if fault.key == "representation.name"]
    assert fault.accepted == accepted
