"""The command: what it says, where runs go, and how it ends."""

from __future__ import annotations

import functools
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml
from hydra._internal.config_loader_impl import ConfigLoaderImpl

import mi_cli
import mi_cli.execution
from mi_cli.cli.main import main
from mi_cli.errors import ConfigError
from mi_cli.registry.builtin import ESTIMATORS
from mi_cli.schema import locations

pytestmark = pytest.mark.usefixtures("here")

EXPERIMENT = "experiment=gaussian_sweep"
SMOKE = [EXPERIMENT, "budget=smoke", "sweep=null", "split.test=100", "training.steps=20", "plots=[]", "threads=1"]
HEAVY = {"torch", "sklearn", "scipy", "polars", "matplotlib"}
LIGHT = {"pydantic", "rich", "multiprocessing"}  # lighter, and not needed to print something either
FOLDER = re.compile(r"\d{4}-\d\d-\d\d_\d\d-\d\d-\d\d_[0-9a-f]{6}")


def runs_in(here: Path) -> list[Path]:
    return sorted(path.parent.relative_to(here) for path in here.rglob("config.yaml"))


# What it says


@pytest.mark.parametrize("argv", [[], ["--help"], ["-h"], [EXPERIMENT, "--help"]])
def test_help_lists_experiments_and_groups(capsys, argv, own, monkeypatch):
    monkeypatch.setenv(locations.OWN_CONFIGS, str(own))
    assert main(argv) == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert re.search(r"^    experiment=gaussian_sweep +MINE recovers the MI of correlated", out, re.MULTILINE)
    assert re.search(r"^Other experiments\n(    .*\n)*    experiment=mine +my own$", out, re.MULTILINE)
    assert re.search(r"^    experiment=syntax +\(syntax.yaml:4: is not YAML", out, re.MULTILINE)
    assert f" estimator {', '.join(sorted(ESTIMATORS))} dataset " in " ".join(out.split())
    assert re.search(r"^  budget +full, quick, smoke$", out, re.MULTILINE)
    for hint in ("--cfg job", "--hydra-help", "plan=true", "-m ", "outputs/<name>/"):
        assert hint in out
    assert max(map(len, out.splitlines())) <= 120


def test_version(capsys):
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"mi-run {mi_cli.__version__}\n"


def test_config_is_printed_not_run(capsys, here):
    assert main([EXPERIMENT, "--cfg", "job", "sweep.dataset.dim=[1,2]"]) == 0
    config = yaml.safe_load(capsys.readouterr().out)
    assert config["sweep"]["dataset"]["dim"] == [1, 2]
    assert config["training"]["steps"] == 1500
    assert list(here.iterdir()) == []


# Where runs go


def test_run_has_a_folder_of_its_own(runner, here):
    before = time.time()
    assert main([EXPERIMENT, "seed=7", "sweep.estimator=[dv,mine]"]) == 0
    ((values, folder, more),) = runner.runs
    assert folder.parent == Path("outputs/gaussian_sweep")
    assert FOLDER.fullmatch(folder.name)
    assert [path.name for path in (here / folder).iterdir()] == ["config.yaml"]
    assert [option["name"] for option in values["sweep"]["estimator"]] == ["dv", "mine"]
    assert more["overrides"] == [EXPERIMENT, "seed=7", "++sweep.estimator=[dv,mine]"]
    assert more["notices"] == ["seed=7 replaces the axis sweep.seed=[0, 1, 2, 3, 4]"]
    assert before <= more["started"] <= time.time()
    assert 0 <= more["import_seconds"] <= time.time() - more["started"]


@pytest.mark.parametrize("argv", [[EXPERIMENT, "-m", "seed=1"], [EXPERIMENT, "seed=1", "-m"]])
def test_options_may_stand_anywhere(runner, argv):
    assert main(argv) == 0
    assert len(runner.runs) == 1


@pytest.mark.parametrize(("argv", "times"), [([EXPERIMENT], 2), (["-m", EXPERIMENT, "seed=1"], 4)])
def test_config_is_composed_as_often_as_it_must_be(runner, monkeypatch, argv, times):
    """By us and by Hydra: for a run, and for a multirun with its launcher, its sweeper and each of its jobs."""
    composed, load = [], ConfigLoaderImpl.load_configuration

    def counted(loader, *given, **more):
        composed.append(given)
        return load(loader, *given, **more)

    monkeypatch.setattr(ConfigLoaderImpl, "load_configuration", counted)
    assert main(argv) == 0
    assert len(runner.runs) == 1
    assert len(composed) == times


def test_output_root(runner, tmp_path):
    root = tmp_path / "a folder, with 'odd' characters"
    assert main([EXPERIMENT, f"output_root='{str(root).replace(chr(39), chr(92) + chr(39))}'"]) == 0
    ((_, folder, _),) = runner.runs
    assert folder.parent == root / "gaussian_sweep"


def said(capsys: pytest.CaptureFixture[str]) -> str:
    return without_folder(capsys.readouterr().err)


def test_the_folder_is_said_before_anything_heavy_is_imported(here):
    code = (
        "import builtins, sys; from mi_cli.cli.main import main\n"
        "said = builtins.print\n"
        "def printed(*words, **more):\n"
        "    if words and str(words[0]).startswith('mi-run: folder'):\n"
        "        heavy = {'torch', 'numpy', 'polars', 'matplotlib'}\n"
        "        said(words[0], sorted(heavy & set(sys.modules)), flush=True)\n"
        "        raise KeyboardInterrupt\n"
        "builtins.print = printed; main(sys.argv[1:])"
    )
    done = start(code, EXPERIMENT, "threads=1")
    assert re.fullmatch(r"mi-run: folder: outputs/gaussian_sweep/\S+ \[\]\n", done.stdout)


def test_folder_that_was_asked_for(runner, here, capsys, monkeypatch):
    (here / "empty").mkdir()
    assert main([EXPERIMENT, "hydra.run.dir=empty"]) == 0
    assert main([EXPERIMENT, "hydra.run.dir=new/${name}"]) == 0
    assert [folder for _, folder, _ in runner.runs] == [Path("empty"), Path("new/gaussian_sweep")]
    monkeypatch.setenv("HOME", str(here / "home"))
    assert main([EXPERIMENT, "hydra.run.dir='~/mine'"]) == 0
    assert runner.runs.pop()[1] == Path("home/mine")
    assert main([EXPERIMENT, "hydra.run.dir=empty"]) == 2
    assert said(capsys).startswith("mi-run: hydra.run.dir=empty: holds files already; accepted: a folder")
    assert len(runner.runs) == 2


def test_run_without_an_experiment_says_what_it_is(runner, capsys):
    assert main(["estimator=dv", "dataset.rho=0.5"]) == 0
    assert main([EXPERIMENT, "estimator=dv"]) == 0
    assert main(["--config-path", str(runner.runs[0][1])]) == 0
    assert [more["notices"] for _, _, more in runner.runs] == [
        [
            "no experiment is chosen, so this runs procedure=estimate, dataset=gaussian, estimator=dv "
            "(mi-run lists the experiments)"
        ],
        [],
        [],
    ]


def test_plan_makes_nothing(runner, here, capsys):
    assert main([EXPERIMENT, "plan=true", "seed=3"]) == 0
    assert [(plan.axes, len(plan.trials)) for plan in runner.plans] == [(["dataset.rho"], 6)]
    assert "seed=3 replaces the axis" in capsys.readouterr().err
    assert list(here.iterdir()) == []


@pytest.mark.parametrize("way", ["--config-dir", locations.OWN_CONFIGS])
def test_own_experiment(runner, own, monkeypatch, way):
    if way == locations.OWN_CONFIGS:
        monkeypatch.setenv(way, os.pathsep.join(["", str(own)]))
    assert main(["experiment=mine", *([way, str(own)] if way == "--config-dir" else [])]) == 0
    ((values, folder, _),) = runner.runs
    assert values["summary"] == "my own"
    assert folder.parent == Path("outputs/mine")
    assert os.environ.get(locations.OWN_CONFIGS) == (os.pathsep.join(["", str(own)]) if way != "--config-dir" else None)


def test_saved_config_runs_again(runner):
    assert main([EXPERIMENT, "budget=smoke", "sweep.estimator=[dv,mine]"]) == 0
    assert main(["--config-path", str(runner.runs[0][1])]) == 0
    assert main([f"--config-path={runner.runs[0][1]}", "--config-name=config", "dataset.rho=0.5"]) == 0
    (first, _, _), (again, folder, more), (changed, _, _) = runner.runs
    assert again == first
    assert FOLDER.fullmatch(folder.name)
    assert [path.name for path in folder.iterdir()] == ["config.yaml"]
    assert more["overrides"] == []
    assert "dataset" not in changed["sweep"]
    assert not Path("multirun").exists()


def test_folders_of_a_run_are_no_options(runner):
    """Some have the names of keys, which Hydra takes for groups where there is such a folder."""
    assert main([EXPERIMENT]) == 0
    folder = runner.runs[0][1]
    for name in ("plots", "tables", "shards/0"):
        (folder / name).mkdir(parents=True)
    (folder / "shards" / "0" / "config.yaml").touch()
    assert main(["--config-path", str(folder), "plots=[forest]", "tables=[]"]) == 0
    assert main(["--config-path", str(folder), "shards=2", "plan=true"]) == 0
    assert (runner.runs[1][0]["plots"], runner.plans[0].trials[0].config.shards) == (["forest"], 2)


# Multirun


def test_multirun_gives_each_job_a_folder(runner, here, capsys):
    assert main(["-m", EXPERIMENT, "training.lr=1e-3,1e-2", "sweep.seed=[0,1],[2]"]) == 0
    jobs = [(values["training"]["lr"], values["sweep"]["seed"]) for values, _, _ in runner.runs]
    assert jobs == [(0.001, [0, 1]), (0.001, [2]), (0.01, [0, 1]), (0.01, [2])]
    assert [folder.name for _, folder, _ in runner.runs] == ["0", "1", "2", "3"]
    parent = runner.runs[0][1].parent
    assert parent.parent == Path("outputs/multirun")
    assert FOLDER.fullmatch(parent.name)
    assert runs_in(here) == [folder for _, folder, _ in runner.runs]
    assert runner.runs[3][2]["overrides"] == [EXPERIMENT, "training.lr=0.01", "++sweep.seed=[2]"]
    assert str(parent) in capsys.readouterr().out


def test_multiruns_never_share_a_folder(runner, here):
    for _ in range(2):
        assert main(["-m", EXPERIMENT, "seed=1"]) == 0
    assert len({folder for _, folder, _ in runner.runs}) == 2


def test_failed_job_does_not_stop_the_others(runner, here, capsys):
    def does(values: dict[str, Any], folder: Path) -> int:
        if values["seed"] == 2:
            raise ZeroDivisionError("one over\nnothing")
        return int(values["seed"] == 1)

    runner.does = does
    assert main(["-m", EXPERIMENT, "seed=1,2,3"]) == 1
    assert len(runner.runs) == 3
    parent = runner.runs[0][1].parent
    assert (parent / "failed_jobs.txt").read_text().splitlines() == [
        f"0: {EXPERIMENT} seed=1",
        f"1: {EXPERIMENT} seed=2",
    ]
    assert "ZeroDivisionError" in (parent / "1" / "run.log").read_text()
    lines = said(capsys).splitlines()
    assert lines[0].startswith("mi-run: unexpected ZeroDivisionError: one over nothing; the traceback is in ")
    assert lines[1:] == [f"mi-run: jobs failed, or have failed trials: see {parent}/failed_jobs.txt"]


def test_multirun_where_it_was_asked_for(runner, here, capsys):
    assert main(["-m", EXPERIMENT, "seed=1,2", "hydra.sweep.dir=mine", "hydra.sweep.subdir=s${seed}"]) == 0
    assert [folder for _, folder, _ in runner.runs] == [Path("mine/s1"), Path("mine/s2")]
    assert main(["-m", EXPERIMENT, "seed=1,2", "hydra.sweep.dir=other", "hydra.sweep.subdir=same"]) == 1
    assert len(runner.runs) == 3
    assert "hydra.sweep.subdir=same: " in capsys.readouterr().err
    assert main(["-m", EXPERIMENT, "seed=1,2", "hydra.output_subdir=.hydra"]) == 0
    assert len(runner.runs) == 5
    assert main(["-m", EXPERIMENT, "seed=1,2", "hydra.sweep.dir=mine"]) == 2
    assert len(runner.runs) == 5


def test_plan_of_a_multirun_makes_nothing(runner, here, capsys):
    assert main(["-m", EXPERIMENT, "seed=1,2", "plan=true"]) == 0
    assert [plan.trials[0].config.seed for plan in runner.plans] == [1, 2]
    assert capsys.readouterr().out.splitlines()[0] == f"# 0: {EXPERIMENT} seed=1 plan=True"
    assert list(here.iterdir()) == []


def test_multirun_by_mode(runner):
    assert main([EXPERIMENT, "seed=1,2", "hydra.mode=MULTIRUN"]) == 0
    assert len(runner.runs) == 2


# How it ends


@pytest.mark.parametrize("code", [0, 1])
def test_exit_code_is_the_runners(runner, code):
    runner.does = lambda values, folder: code
    assert main([EXPERIMENT]) == code


def test_unexpected_error_goes_to_the_log(runner, capsys):
    runner.does = lambda values, folder: 1 // 0
    assert main([EXPERIMENT]) == 1
    folder = runner.runs[0][1]
    assert "Traceback" in (folder / "run.log").read_text()
    err = said(capsys)
    assert err.startswith("mi-run: unexpected ZeroDivisionError: ")
    assert err.endswith(f"; the traceback is in {folder}/run.log\n")
    assert len(err.splitlines()) == 1


def test_bad_input_that_only_the_runner_sees(runner, capsys):
    def does(values: dict[str, Any], folder: Path) -> int:
        (folder / "config.yaml").unlink()
        raise ConfigError("a=1: must be 2")

    runner.does = does
    assert main([EXPERIMENT]) == 2
    assert said(capsys) == "mi-run: a=1: must be 2\n"
    assert not Path("outputs").exists()


@pytest.mark.parametrize("more", [[], ["-m", "seed=1,2"]])
def test_interruption_that_the_runner_reported(runner, capsys, more):
    def does(values: dict[str, Any], folder: Path) -> int:
        print("finished trials are in ...")
        raise KeyboardInterrupt

    runner.does = does
    assert main([EXPERIMENT, *more]) == 130
    out, err = capsys.readouterr()
    assert (out, without_folder(err)) == ("finished trials are in ...\n", "")
    assert len(runner.runs) == 1
    assert runner.runs[0][1].exists()


def test_interruption_before_the_runner_leaves_nothing(monkeypatch, capsys, here):
    monkeypatch.delitem(vars(mi_cli.execution), "runner", raising=False)  # as if nothing had imported it
    monkeypatch.setattr(
        "importlib.import_module",
        functools.partial(_interrupt, "mi_cli.execution.runner", __import__("importlib").import_module),
    )
    assert main([EXPERIMENT]) == 130
    out, err = capsys.readouterr()
    assert (out, without_folder(err)) == ("", "mi-run: interrupted before anything was run\n")
    assert list(here.iterdir()) == []


def _interrupt(name: str, otherwise: Callable[..., Any], module: str, *more: Any) -> Any:
    if module == name:
        raise KeyboardInterrupt
    return otherwise(module, *more)


# As a process of its own


def start(code: str, *argv: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-W", "error", "-c", code, *argv]
    return subprocess.run(
        command, capture_output=True, text=True, timeout=60, check=False, env=os.environ | environment
    )


LOADS = """
import contextlib, io, os, sys
from mi_cli.cli.main import main

for argv, environment, says in COMMANDS:
    os.environ.update(environment)
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        code = main(argv)
    if code or says not in printed.getvalue():
        sys.exit(f"{argv}: {code}, {printed.getvalue()}")
print(*sys.modules)
"""


@pytest.mark.parametrize(
    ("commands", "unneeded"),
    [
        (
            [([], {}, "Experiments"), (["--help"], {}, "Experiments"), (["--version"], {}, mi_cli.__version__)],
            HEAVY | LIGHT | {"hydra", "omegaconf", "numpy"},
        ),
        (
            [
                ([EXPERIMENT, "--cfg", "job"], {}, "\ntraining:\n"),
                (["--hydra-help"], {}, "Hydra"),
                (["--info", "searchpath"], {}, "Search path"),
                (["-sc", "install=bash"], {}, "COMP_LINE"),
                (
                    ["-sc", "query=bash"],
                    {"COMP_LINE": "mi-run experiment=gaussian_s", "COMP_POINT": "28"},
                    EXPERIMENT,
                ),
                (
                    ["-sc", "query=bash"],
                    {"COMP_LINE": "mi-run estimator="},
                    " ".join(f"estimator={name}" for name in sorted(ESTIMATORS)),
                ),
                (
                    ["-sc", "query=bash"],
                    {"COMP_LINE": "mi-run sweep.dataset.dim=[1] training.sche"},
                    "training.schedule=",
                ),
            ],
            HEAVY | LIGHT,
        ),
    ],
    ids=["without hydra", "with hydra"],
)
def test_nothing_heavy_is_imported(commands, unneeded):
    done = start(LOADS.replace("COMMANDS", repr(commands)))
    assert done.returncode == 0, done.stderr
    assert not unneeded & set(done.stdout.split())


def test_bad_input_is_found_before_anything_heavy_is_imported(here):
    code = "import sys; from mi_cli.cli.main import main; code = main(); print(*sys.modules); sys.exit(code)"
    done = start(code, EXPERIMENT, "dataset.rho=2")
    assert (done.returncode, done.stderr) == (2, "mi-run: dataset.rho=2: must be a number between -1 and 1\n")
    assert not HEAVY & set(done.stdout.split())


def test_module_is_the_command(here):
    command = [sys.executable, "-m", "mi_cli", "experiment=foo"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith("mi-run: experiment=foo: no such experiment; accepted: ")
    assert len(done.stderr.splitlines()) == 1
    assert list(here.iterdir()) == []


SLOW_IMPORT = """
import sys, time, types
class Finder:
    def find_spec(name, path=None, target=None):
        if name == "mi_cli.execution.runner":
            print("importing", flush=True)
            try:
                time.sleep(30)
            except KeyboardInterrupt:
                SWALLOW
sys.meta_path.insert(0, Finder)
from mi_cli.cli.main import main
sys.exit(main())
"""


def test_module_imports_nothing_of_the_folder_it_is_started_in(here):
    for name in ("random", "argparse", "hydra", "yaml"):
        (here / f"{name}.py").write_text("raise SystemExit('imported')")
    done = subprocess.run(
        [sys.executable, "-m", "mi_cli", "experiment=foo"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert done.stderr.startswith("mi-run: experiment=foo: no such experiment; accepted: ")


@pytest.mark.slow
def test_checkout_that_is_not_installed_is_what_workers_import(here):
    for name in ("mi_cli", "configs"):
        shutil.copytree(Path(mi_cli.__file__).parents[1] / name, here / name)
    with (here / "mi_cli" / "procedures" / "estimate.py").open("a") as file:
        file.write(f"\nfrom pathlib import Path\nPath({str(here / 'imported')!r}).open('a').write('x')\n")
    argv = ["-m", "mi_cli", *SMOKE, "sweep.estimator.hidden=[[4],[5]]", "threads=2"]
    done = subprocess.run([sys.executable, *argv], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert re.fullmatch(r"mi-run: folder: \S+\n", done.stderr)
    assert (here / "imported").read_text() == "xx"  # by the command, and by the server that its workers are forked from


@pytest.mark.parametrize(
    ("swallow", "more"), [("raise", []), ("pass", ["-m", "seed=1,2"]), ("raise ImportError", [])], ids=str
)
def test_control_c_while_it_imports(here, tmp_path, swallow, more):
    command = [sys.executable, "-c", SLOW_IMPORT.replace("SWALLOW", swallow), EXPERIMENT, *more]
    (tmp_path / "t").mkdir()
    environment = os.environ | {"TMPDIR": str(tmp_path / "t")}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "importing\n"
        assert len(list(here.rglob("*"))) >= 3  # the run's folder
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)  # the server of workers may still import
    assert (process.returncode, without_folder(err)) == (130, "mi-run: interrupted before anything was run\n")
    assert list(here.iterdir()) == []
    assert list((tmp_path / "t").iterdir()) == []


SHOWS = {
    "without hydra": [["--help"], ["--version"]],
    "with hydra": [[EXPERIMENT, "--cfg", "job"], ["--info", "searchpath"]],
    "with torch": [[*SMOKE, "plan=true"], SMOKE],
}
PRINTS = """
import os, sys
from mi_cli.cli.main import command, main

stdout = os.dup(1)
*first, last = COMMANDS
for argv in first:
    if main(argv) != CODE:
        sys.exit(f"{argv} ends with another exit code")
    sys.stdout.flush()
    os.dup2(stdout, 1)
    sys.stdout = open(1, "w", closefd=False)
sys.argv[1:] = last
command()
"""


def printing_to(stdout: int, commands: Sequence[Sequence[str]], code: int) -> subprocess.CompletedProcess[str]:
    """Run commands in one process, which ends as the last of them does."""
    script = PRINTS.replace("COMMANDS", repr(commands)).replace("CODE", str(code))
    return subprocess.run(
        [sys.executable, "-c", script], stdout=stdout, stderr=subprocess.PIPE, text=True, timeout=60, check=False
    )


def without_folder(text: str) -> str:
    """Lines without that of the folder of a run."""
    return "".join(line for line in text.splitlines(keepends=True) if not line.startswith("mi-run: folder: "))


@pytest.mark.parametrize("commands", SHOWS.values(), ids=SHOWS)
def test_reader_that_has_seen_enough(here, commands):
    read, write = os.pipe()
    os.close(read)
    done = printing_to(write, commands, 0)
    os.close(write)
    assert (done.returncode, without_folder(done.stderr)) == (0, "")
    assert len(list(here.rglob("summary.json"))) == (SMOKE in commands)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
@pytest.mark.parametrize("commands", SHOWS.values(), ids=SHOWS)
def test_output_that_is_full(here, commands):
    with open("/dev/full", "w") as full:  # noqa: PTH123 (a device)
        done = printing_to(full.fileno(), commands, 1)
    assert done.returncode == 1
    line = "mi-run: standard output cannot be written to (No space left on device)\n"
    assert without_folder(done.stderr) == line * len(commands)
    assert len(list(here.rglob("summary.json"))) == (SMOKE in commands)
