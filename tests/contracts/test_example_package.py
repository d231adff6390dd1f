"""The example package keeps the contracts, which it checks as any other package would: without pytest."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib

import numpy as np
import pytest
from examples import TESTS

import mi_cli
from mi_cli import api
from mi_cli.registry import plugins

EXAMPLE = TESTS / "example_package"
CHECKS = """
import importlib, sys
from importlib.metadata import distribution
from mi_cli import testing

checks = {
    "mi_cli.estimators": testing.check_estimator,
    "mi_cli.datasets": testing.check_dataset,
    "mi_cli.procedures": testing.check_procedure,
}
for entry in distribution("example-package").entry_points:
    if entry.group in checks:
        checks[entry.group](entry.load())
        print(entry.name)
assert "pytest" not in sys.modules
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
    assert {"gaussian_fit", "added_uniform"} <= set(done.stdout.split())


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
