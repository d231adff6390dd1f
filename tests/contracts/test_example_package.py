"""The example package keeps the contracts, which it checks as any other package would: without pytest."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib

import pytest
from examples import TESTS

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
ESTIMATES = """
import numpy as np
import mi_cli
from example_package.estimators import GaussianFit

x, noise = np.random.default_rng(0).normal(size=(2, 100))
one, other = (mi_cli.estimate(x, x + noise, chosen) for chosen in ("gaussian_fit", GaussianFit(shrinkage=SHRINKAGE)))
assert one.status == "ok" and one == other, (one, other)
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


def run(site, code):
    path = os.pathsep.join(filter(None, (str(site), os.environ.get("PYTHONPATH"))))
    environment = os.environ | {"PYTHONPATH": path}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_example_package_keeps_the_contracts(site):
    assert {"gaussian_fit", "added_uniform"} <= set(run(site, CHECKS))


@pytest.mark.parametrize("shrinkage", [0.0, 0.5])
def test_estimate_takes_estimators_of_packages_with_the_defaults_of_their_yaml(site, shrinkage):
    if shrinkage:
        folder = site / "example_package" / "configs" / "estimator"
        folder.mkdir()
        (folder / "gaussian_fit.yaml").write_text(f"name: gaussian_fit\nshrinkage: {shrinkage}\n", encoding="utf-8")
    run(site, ESTIMATES.replace("SHRINKAGE", str(shrinkage)))
