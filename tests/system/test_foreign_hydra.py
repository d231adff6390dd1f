"""The command inside another application of Hydra, whose state it neither reads nor changes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.usefixtures("here")

APPLICATION = """
import json, os, sys
import hydra
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.core.utils import JobRuntime
from hydra.version import getbase
from omegaconf import OmegaConf
from mi_cli.cli.main import main
from mi_cli.compose.resolve import resolve


def state():
    return {
        "loader": id(GlobalHydra.instance().hydra.config_loader),
        "job": OmegaConf.to_yaml(HydraConfig.get(), resolve=False),
        "name": JobRuntime.instance().get("name"),
        "base": str(getbase()),
        "now": OmegaConf.to_container(OmegaConf.create({"a": "${now:%Y}"}), resolve=True)["a"],
    }


@hydra.main(version_base="1.2", config_path="configs", config_name="app")
def app(config):
    OmegaConf.register_new_resolver("now", lambda pattern: "their now", replace=True)
    assert config == {"theirs": 1, "estimator": {"name": "theirs"}}
    for command in COMMANDS:
        before = state()
        values = resolve(["experiment=gaussian_sweep"]).values
        code = main(command)
        print(json.dumps({"command": command, "code": code, "estimator": values["estimator"]["name"],
                          "same": state() == before, "again": OmegaConf.to_container(hydra.compose("app"))}),
              file=sys.stderr)


app()
sys.stdout.flush()
os._exit(0)  # to take torch down takes half a second
"""


COMMANDS = {  # and the exit code of each
    ("experiment=gaussian_sweep", "plan=true"): 0,
    ("experiment=gaussian_sweep", "--cfg", "job"): 0,  # by a call into Hydra
    ("-m", "experiment=gaussian_sweep", "plan=true", "seed=1,2"): 0,
    ("experiment=gaussian_sweep", "dataset.rho=2", "threads=1"): 2,  # without the server that workers are forked from
}


def test_state_of_another_application_is_kept(here, tmp_path):
    (tmp_path / "configs" / "estimator").mkdir(parents=True)
    (tmp_path / "configs" / "app.yaml").write_text("defaults: [estimator: theirs, _self_]\ntheirs: 1\n")
    (tmp_path / "configs" / "estimator" / "theirs.yaml").write_text("name: theirs\n")
    script = Path(tmp_path, "app.py")
    script.write_text(APPLICATION.replace("COMMANDS", json.dumps(list(COMMANDS))))
    done = subprocess.run(
        [sys.executable, str(script), "hydra.run.dir=.", "hydra.output_subdir=null", "hydra/job_logging=none"],
        capture_output=True, text=True, timeout=120, check=False, env=os.environ | {"HYDRA_FULL_ERROR": "1"},
    )  # fmt: skip
    lines = done.stderr.splitlines()
    reports = [json.loads(line) for line in lines if line.startswith("{")]
    assert len(reports) == len(COMMANDS), done.stderr
    for command, report in zip(COMMANDS, reports, strict=True):
        assert report == {
            "command": list(command),
            "code": COMMANDS[command],
            "estimator": "mine",
            "same": True,
            "again": {"theirs": 1, "estimator": {"name": "theirs"}},
        }
    assert lines[-2] == "mi-run: dataset.rho=2: must be a number between -1 and 1"
    assert list(here.iterdir()) == []
