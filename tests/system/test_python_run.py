"""``mi_cli.run`` where others run: in a script without a guard, an event loop, and another application of Hydra."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

pytestmark = pytest.mark.usefixtures("here")

SCRIPT = """
import asyncio, os, sys
import hydra
from hydra.core.global_hydra import GlobalHydra
import mi_cli

print("script")
hydra.initialize(version_base="1.2", config_path=None)
theirs = GlobalHydra.instance().hydra
settings = {"training": {"steps": 20}, "split": {"val": 100, "test": 200}, "sweep.dataset.rho": [0.0, 0.5]}


async def main():
    return mi_cli.run("gaussian_sweep", settings, plots=[], claims=[], seed=0, threads=2, progress="none",
                      sweep={"seed": [0], "estimator": ["mine", "dv"]})


run = asyncio.run(main())
assert GlobalHydra.instance().hydra is theirs
assert sys.modules["__main__"].SCRIPT_IS_MAIN
print(len(run.results), run.failed, flush=True)
os._exit(0)  # to take torch down takes half a second
"""


def test_workers_do_not_run_the_script_again(here, tmp_path):
    script = tmp_path / "script.py"
    script.write_text(f"SCRIPT_IS_MAIN = True\n{SCRIPT}")
    done = subprocess.run(
        [sys.executable, "-W", "error", str(script)],
        capture_output=True, text=True, timeout=250, check=False, env=os.environ | {"PYTHONSAFEPATH": "1"},
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "script\n4 []\n"
    (root,) = here.iterdir()
    assert root.name == "outputs"
