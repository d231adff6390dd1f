"""Configs are data: what names code, or places elsewhere, is one line, exit code 2, and leaves nothing behind."""

from __future__ import annotations

import ast
import itertools
import os
import re
from pathlib import Path

import pytest
import yaml
from examples import matches
from hydra.core.hydra_config import HydraConfig
from omegaconf import OmegaConf

import mi_cli
from mi_cli.cli import help as help_page
from mi_cli.cli.main import main
from mi_cli.compose import trust
from mi_cli.compose.resolve import resolve
from mi_cli.errors import ConfigError
from mi_cli.records import results
from mi_cli.records.saved_config import SAVED_HEADER

pytestmark = pytest.mark.usefixtures("here")

EXPERIMENT = "experiment=gaussian_sweep"
HOSTILE = "experiment=hostile"
SECRET = "s3cr3t-of-the-environment"
TARGET = "{_target_: os.mkdir, path: made}"
LOG = "version: 1, root: {handlers: [h]}, handlers: {h: "
IN_CONFIGS = {
    "callback": (f"hydra: {{callbacks: {{a: {TARGET}}}}}", "hydra.callbacks.a._target_=os.mkdir: names code to run;"),
    "callback by reference": (
        """hydra: {callbacks: {a: "${oc.decode:'{_target_: os.mkdir, path: made}'}"}}""",
        "hydra.callbacks={a: {_target_: os.mkdir, path: made}}: names code to run; accepted: none",
    ),
    "target in the task": (f"dataset: {{map: {TARGET}}}", "dataset.map._target_=os.mkdir: names code to run; accept"),
    "target in an axis": (f"sweep: {{dataset: {{map: [{TARGET}]}}}}", "sweep.dataset.map.0._target_=os.mkdir: names"),
    "partial": ("training: {_partial_: true}", "training._partial_=true: names code to run"),
    "recursive": ("noise: {_recursive_: true}", "noise._recursive_=true: names code to run"),
    "arguments": ("hydra: {callbacks: {a: {_args_: [1]}}}", "hydra.callbacks.a._args_=[1]: names code to run"),
    "launcher": ("hydra: {launcher: {_target_: os.mkdir}}", "hydra.launcher._target_=os.mkdir: names code to run; a"),
    "sweeper": ("hydra: {sweeper: {_target_: my.Sweeper}}", "hydra.sweeper._target_=my.Sweeper: names code to run;"),
    "inside the sweeper": (f"hydra: {{sweeper: {{params: {{a: {TARGET}}}}}}}", "hydra.sweeper.params.a._target_=os."),
    "log handler": (
        f"hydra: {{job_logging: {{{LOG}{{class: os.mkdir}}}}}}}}",
        "hydra.job_logging.handlers.h.class=os.mkdir: names code to run; accepted: logging.StreamHandler,",
    ),
    "called handler": (
        f"hydra: {{hydra_logging: {{{LOG}{{(): os.mkdir, path: made}}}}}}}}",
        "hydra.hydra_logging.handlers.h.()=os.mkdir: may name code to run; accepted: class, delay,",
    ),
    "log stream": (
        f"hydra: {{job_logging: {{{LOG}{{class: logging.StreamHandler, stream: 'ext://os.environ'}}}}}}}}",
        "hydra.job_logging.handlers.h.stream=ext://os.environ: names code to run",
    ),
    "called formatter": (
        "hydra: {job_logging: {version: 1, formatters: {f: {(): os.mkdir}}}}",
        "hydra.job_logging.formatters.f.()=os.mkdir: may name code to run",
    ),
    "log version": (
        "hydra: {job_logging: {version: 'ext://antigravity', root: {}}}",
        "hydra.job_logging.version=ext://antigravity: names code to run",
    ),
    "log that is no section": (
        "hydra: {job_logging: {version: 1, handlers: [1]}}",
        "hydra.job_logging.handlers=[1]: must be a section of keys and values",
    ),
    "log filter": (
        "hydra: {job_logging: {version: 1, filters: {f: {(): os.mkdir}}}}",
        "hydra.job_logging.filters={f: {(): os.mkdir}}: may name code to run",
    ),
    "log file": (
        f"hydra: {{job_logging: {{{LOG}{{class: logging.FileHandler, filename: ../log}}}}}}}}",
        "hydra.job_logging.handlers.h.filename=../log: is outside the run's folder",
    ),
    "log file by the job's name": (
        "hydra: {job: {name: /../../log}, job_logging: {"
        f"{LOG}{{class: logging.FileHandler, filename: '${{hydra.runtime.output_dir}}/${{hydra.job.name}}'}}}}}}}}",
        "hydra.job_logging.handlers.h.filename=/.*/../../log: is outside the run's folder",
    ),
    "environment of jobs": ("hydra: {job: {env_set: {LD_PRELOAD: x.so}}}", "hydra.job.env_set={LD_PRELOAD: x.so}: ch"),
    "copied environment": ("hydra: {job: {env_copy: [HOME]}}", "hydra.job.env_copy=[HOME]: changes the environment"),
    "vouches for itself": (f"trust: true\ndataset: {{map: {TARGET}}}", "trust=true: no config can trust itself; acc"),
    "what is said to be typed": (
        "hydra: {overrides: {task: [trust=true]}}",
        "hydra.overrides.task=trust=true: was not typed",
    ),
    "secret": ("summary: ${oc.env:MI_SECRET}", "summary=${oc.env:MI_SECRET}: reads the environment, and runs keep w"),
    "secret by a detour": ("summary: ${output_root}\noutput_root: ${oc.env:MI_SECRET}", "summary=${output_root}: re"),
    "secret as a folder": ("output_root: out/${oc.env:MI_SECRET}", "output_root=out/${oc.env:MI_SECRET}: reads the "),
    "secret in disguise": (
        "summary: ${oc.decode:'\\${oc.env:MI_SECRET}'}",
        "summary=${oc.decode:'\\${oc.env:MI_SECRET}'}: reads the environment",
    ),
    "secret in a log": (
        "hydra: {job_logging: {version: 1, formatters: {f: {format: '${oc.env:MI_SECRET}'}}}}",
        "hydra.job_logging.formatters.f.format=${oc.env:MI_SECRET}: reads the environment",
    ),
    "secret in a folder": ("hydra: {output_subdir: '${oc.env:MI_SECRET}'}", "hydra.output_subdir=${oc.env:MI_SECRET"),
    "secret among defaults": (
        "defaults: [{override /dataset: '${oc.env:MI_SECRET}'}]",
        "Error resolving interpolation '${oc.env:MI_SECRET}'",
    ),
    "resolver": ("name: ${code:1}", "name=${code:1}: Unsupported interpolation type code"),
    "object": ("summary: !!python/object/apply:os.mkdir [made]", ".*/hostile.yaml:2: is not YAML (could not determi"),
    "name": ("summary: !!python/name:os.system ''", ".*/hostile.yaml:2: is not YAML (could not determine a construc"),
    "root elsewhere": ("output_root: /tmp/x", "output_root=/tmp/x: a config says so, and it is outside the current"),
    "root above": ("output_root: ../x", "output_root=../x: a config says so, and it is outside the current folder"),
    "root at home": ("output_root: '~/x'", "output_root=~/x: a config says so, and it is outside the current folder"),
    "root behind a link": ("output_root: link", "output_root=link: a config says so, and it is outside the current"),
    "study elsewhere": (
        "search: {storage: /tmp/x}",
        "search.storage=/tmp/x: a config says so, and it is outside the current folder; accepted: a file in the curren",
    ),
    "study above": ("search: {storage: ../x}", "search.storage=../x: a config says so, and it is outside the current"),
    "study at home": ("search: {storage: '~/x'}", "search.storage=~/x: a config says so, and it is outside the curre"),
    "study behind a link": ("search: {storage: link/x}", "search.storage=link/x: a config says so, and it is outside"),
    "study by reference": ("search: {storage: '/${name}'}", "search.storage=/custom: a config says so, and it is outs"),
    "study in a database": (
        "search: {storage: 'sqlite:///x.db'}",
        "search.storage=sqlite:///x.db: a config says so, and it is a database; accepted: a file in the current folde",
    ),
    "study typed by the sweeper": (
        "hydra: {sweeper: {params: {search.storage: 'x'}}}",
        "hydra.sweeper.params.search.storage=x: must be typed",
    ),
    "folder elsewhere": ("hydra: {run: {dir: /tmp/x}}", "hydra.run.dir=/tmp/x: a config says so, and it is outside"),
    "multirun elsewhere": ("hydra: {sweep: {dir: ../x}}", "hydra.sweep.dir=../x: a config says so, and it is outside"),
    "job elsewhere": ("hydra: {sweep: {subdir: '../${hydra.job.num}'}}", "hydra.sweep.subdir=../0: leads out of the"),
    "notes elsewhere": ("hydra: {output_subdir: /tmp/x}", "hydra.output_subdir=/tmp/x: leads out of the run's folder"),
    "name as a path": ("name: ../x", "name=../x: must be up to 100 letters"),
    "mode": ("hydra: {mode: MULTIRUN}", "hydra.mode=MULTIRUN: must be typed; accepted: -m"),
    "typed by the sweeper": ("hydra: {sweeper: {params: {++trust: 'true'}}}", "hydra.sweeper.params.++trust=true: m"),
    "what Hydra cannot resolve yet": ("hydra: {job: {id: '${hydra:job.name}'}}", "hydra.job.id=${hydra:job.name}: "),
}  # fmt: skip


@pytest.fixture(autouse=True)
def environment(monkeypatch, tmp_path, here):
    monkeypatch.setattr(HydraConfig.instance(), "cfg", None)  # as in a process that has run nothing before
    monkeypatch.setenv("MI_SECRET", SECRET)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    (tmp_path / "elsewhere").mkdir()
    (here / "link").symlink_to(tmp_path / "elsewhere")
    OmegaConf.register_new_resolver("code", lambda _: Path("made").mkdir(), replace=True)
    yield
    OmegaConf.clear_resolver("code")


@pytest.fixture
def hostile(tmp_path):
    """Somebody's experiment, whose text a test gives."""

    def write(text: str) -> list[str]:
        (tmp_path / "own" / "experiment").mkdir(parents=True)
        (tmp_path / "own" / "experiment" / "hostile.yaml").write_text(f"# @package _global_\n{text}\n")
        return ["--config-dir", str(tmp_path / "own"), HOSTILE]

    return write


def refused(capsys, here, argv, line):
    assert main(argv) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert len(err.splitlines()) == 1, err
    assert matches(err, f"mi-run: {line}"), err
    assert [path.name for path in here.iterdir()] == ["link"]
    assert list((here / "link").iterdir()) == []
    return err


@pytest.mark.parametrize("how", sorted(IN_CONFIGS))
def test_config_that_is_more_than_data_is_refused(capsys, runner, here, tmp_path, hostile, how):
    text, line = IN_CONFIGS[how]
    before = sorted(tmp_path.iterdir())
    argv = hostile(text)
    err = refused(capsys, here, argv, line)
    assert sorted(path for path in tmp_path.iterdir() if path.name != "own") == before
    assert runner.runs == []
    assert SECRET not in err


@pytest.mark.parametrize("how", ["callback", "log handler", "root elsewhere", "secret", "vouches for itself"])
@pytest.mark.parametrize("more", [["-m", "seed=1,2"], ["--config-path"], ["MI_CONFIG_PATH"], ["--cfg", "job"]])
def test_every_way_to_a_config_is_checked(capsys, runner, here, tmp_path, hostile, monkeypatch, how, more):
    text, line = IN_CONFIGS[how]
    argv = [*hostile(text), *more]
    if more == ["--config-path"]:  # a saved run that somebody sent
        folder = tmp_path / "sent" / "runs" / "name" / "run"
        folder.mkdir(parents=True)
        values = resolve([EXPERIMENT]).values
        values.pop("output_root")
        sent = yaml.safe_load(SAVED_HEADER)
        given = yaml.safe_load(text)
        sent |= {key: value for key, value in values.items() if key != "trust"} | {
            key: {**values.get(key, {}), **sent.get(key, {}), **value} if isinstance(value, dict) else value
            for key, value in given.items()
        }
        (folder / "config.yaml").write_text(yaml.safe_dump(sent))
        argv = ["--config-path", str(folder)]
    elif more == ["MI_CONFIG_PATH"]:
        monkeypatch.setenv("MI_CONFIG_PATH", str(tmp_path / "own"))
        argv = [HOSTILE]
    elif more[0] == "--cfg" and how == "root elsewhere":
        assert main(argv) == 0  # nothing is made
        return
    refused(capsys, here, argv, line)
    assert runner.runs == []


@pytest.mark.parametrize(
    ("argv", "line"),
    [
        (["++hydra.callbacks.a._target_=os.mkdir"], "hydra.callbacks.a._target_=os.mkdir: names code to run"),
        (["hydra.searchpath=[pkg://antigravity]"], "hydra.searchpath=pkg://antigravity: names a package, which is imp"),
        (["hydra/hydra_logging=hydra_debug"], "hydra.hydra_logging.handlers.file.filename=hydra-mi-run.log: is outs"),
        (["trust=maybe"], "trust=maybe: must be true or false"),
        (["name=${oc.env:MI_SECRET}"], "name=${oc.env:MI_SECRET}: reads the environment"),
        (["-m", "seed=1,2", "hydra.sweep.subdir=../x"], "hydra.sweep.subdir=../x: leads out of the run's folder"),
        (["--experimental-rerun=job.pickle"], "unrecognized arguments: --experimental-rerun=job.pickle"),
    ],
)  # fmt: skip
def test_what_is_typed_is_checked_too(capsys, runner, here, argv, line):
    refused(capsys, here, [EXPERIMENT, *argv], line)
    assert runner.runs == []


def test_package_that_a_primary_config_searches_is_not_imported(capsys, here, tmp_path, monkeypatch):
    (tmp_path / "sent").mkdir()
    (tmp_path / "evil_package.py").write_text("import os\nos.mkdir('made')\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "sent" / "config.yaml").write_text("hydra: {searchpath: ['pkg://evil_package']}\n")
    for argv in (["--config-path", str(tmp_path / "sent")], ["--config-path", str(tmp_path / "sent"), "--cfg", "job"]):
        refused(capsys, here, argv, "hydra.searchpath=pkg://evil_package: names a package, which is imported")


def test_trust_lets_code_run(runner, here, hostile):
    argv = hostile("hydra: {callbacks: {a: {_target_: named_code.Told}}}")
    assert main(argv) == 2
    assert not (here / "ran").exists()
    assert main([*argv, "trust=true"]) == 0
    assert (here / "ran").exists()
    ((values, folder, more),) = runner.runs
    assert values["trust"] is False  # what is left of it is data
    assert more["overrides"] == [HOSTILE, "++trust=true"]
    assert main(["--config-path", str(folder)]) == 0


def test_trust_lets_configs_say_where(runner, tmp_path, hostile):
    argv = hostile(f"output_root: {tmp_path}/runs\nsummary: ${{oc.env:MI_SECRET}}")
    assert main([*argv, "trust=true"]) == 0
    assert runner.runs[0][1].parent == tmp_path / "runs" / "custom"


def test_what_is_typed_may_lead_anywhere(runner, tmp_path, hostile, monkeypatch):
    monkeypatch.setenv("MI_PLACE", str(tmp_path / "place"))
    argv = hostile("summary: mine")
    assert main([*argv, "output_root=${oc.env:MI_PLACE}"]) == 0
    assert main([*argv, "hydra.run.dir=${oc.env:MI_PLACE}/run"]) == 0
    assert main(["-m", *argv, "seed=1,2", "hydra.sweep.dir=${oc.env:MI_PLACE}/sweep"]) == 0
    assert [folder.relative_to(tmp_path / "place").parts[0] for _, folder, _ in runner.runs] == [
        *("custom", "run", "sweep", "sweep")
    ]


@pytest.mark.parametrize("storage", ["elsewhere/study", "sqlite:///elsewhere/study.db"])
def test_search_goes_on_in_the_storage_that_is_typed(runner, here, tmp_path, capsys, hostile, storage):
    storage = storage.replace("elsewhere", str(tmp_path / "elsewhere"))
    axis = "sweep: {training: {lr: [1e-3, 1e-2]}}"
    argv = hostile(f"defaults: [{{override /search: optuna}}]\n{axis}\nsearch: {{storage: '{storage}'}}")
    refused(capsys, here, argv, "search.storage=")
    assert main([*argv, f"search.storage={storage}"]) == 0
    assert len(list((tmp_path / "elsewhere").iterdir())) == 1
    folder = runner.runs[0][1]
    for again in (f"search.storage={storage}", "trust=true"):
        assert main(["--config-path", str(folder), again]) == 0
    capsys.readouterr()
    for argv in (["--config-path", str(folder)], [f"resume={folder}"]):
        assert main(argv) == 2
        assert re.match("mi-run: search.storage=.*: a config says so, and it is ", capsys.readouterr().err)
    assert main([f"resume={folder}", f"search.storage={storage}"]) == 0


def test_study_in_the_current_folder_needs_no_word(runner, here, hostile):
    axis = "sweep: {training: {lr: [1e-3, 1e-2]}}"
    assert main(hostile(f"defaults: [{{override /search: optuna}}]\n{axis}\nsearch: {{storage: study}}")) == 0
    assert (here / "study").is_file()


def test_saved_run_goes_on_where_it_lies(runner, tmp_path, here, capsys):
    root = tmp_path / "runs"
    assert main([EXPERIMENT, f"output_root={root}"]) == 0
    assert main(["-m", EXPERIMENT, "seed=1,2", f"output_root={root}"]) == 0
    for _, folder, _ in list(runner.runs):
        assert main(["--config-path", str(folder)]) == 0
        assert runner.runs[-1][1].parent == root / "gaussian_sweep"
    capsys.readouterr()
    moved = tmp_path / "moved"
    runner.runs[0][1].rename(moved)
    refused(capsys, here, ["--config-path", str(moved)], "output_root=/")
    assert main(["--config-path", str(moved), f"output_root={root}"]) == 0
    assert main(["--config-path", str(moved), "trust=true"]) == 0


def test_folder_in_the_root_that_links_elsewhere(runner, here, tmp_path, capsys, hostile):
    (here / "outputs").mkdir()
    (here / "outputs" / "x").symlink_to(tmp_path / "elsewhere")
    assert main(hostile("name: x")) == 2
    assert capsys.readouterr().err.startswith("mi-run: output_root=outputs: a config says so, and it is outside")
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_outputs_may_be_a_link(runner, here, tmp_path):
    (here / "outputs").symlink_to(tmp_path / "elsewhere")
    assert main([EXPERIMENT]) == 0
    assert len(list((tmp_path / "elsewhere" / "gaussian_sweep").iterdir())) == 1


@pytest.mark.parametrize(
    ("section", "fault"),
    [
        ({"_target_": "joblib"}, None),
        ({"_target_": "local", "submitit_folder": "${hydra.sweep.dir}/.submitit/%j"}, None),
        ({"_target_": "slurm", "partition": "gpu", "setup": None}, None),
        ({"_target_": "slurm", "setup": ["rm -rf ~"]}, "hydra.launcher.setup=[rm -rf ~]: goes into a script that is"),
        ({"_target_": "slurm", "additional_parameters": {"wrap": "x"}}, "hydra.launcher.additional_parameters={wrap"),
        ({"_target_": "slurm", "comment": "a\nrm -rf ~"}, "hydra.launcher.comment=a rm -rf ~: has more than one line"),
        ({"_target_": "local", "submitit_folder": "/tmp/x"}, "hydra.launcher.submitit_folder=/tmp/x: leads out of the"),
        ({"_target_": "joblib", "temp_folder": "/tmp/x"}, "hydra.launcher.temp_folder=/tmp/x: leads out of the"),
    ],
)  # fmt: skip
def test_launchers(section, fault):
    named = {
        path.rpartition(".")[2].removesuffix("Launcher").lower(): path for path in trust._PLUGINS["hydra.launcher"]
    }
    sweep = {"dir": "multirun/now", "subdir": "${hydra.job.num}"}
    config = OmegaConf.create(
        {
            "hydra": {
                "mode": None, "callbacks": {}, "launcher": section | {"_target_": named[section["_target_"]]},
                "sweeper": {"_target_": trust._PLUGINS["hydra.sweeper"][0], "params": None}, "sweep": sweep,
                "run": {"dir": "."}, "job": {"env_set": {}, "env_copy": [], "num": "???", "id": "???"},
                "runtime": {"output_dir": "???"}, "overrides": {"task": [], "hydra": []}, "output_subdir": ".hydra",
                "job_logging": {"version": 1, "root": None}, "hydra_logging": {"version": 1, "root": None},
            }
        }
    )  # fmt: skip
    before = OmegaConf.to_yaml(config)
    if fault is None:
        trust.check(config, [])
    else:
        with pytest.raises(ConfigError) as caught:
            trust.check(config, [])
        assert caught.value.lines[0].startswith(fault)
    assert OmegaConf.to_yaml(config) == before


@pytest.mark.parametrize(
    "more", [["hydra/job_logging=default"], ["hydra/job_logging=stdout", "hydra.output_subdir=.h"]]
)
def test_what_hydra_ships_is_no_fault(runner, more):
    assert main([EXPERIMENT, *more]) == 0


def test_no_file_of_a_run_holds_the_environment(here, tmp_path, monkeypatch):
    monkeypatch.setenv("MI_SECRET", SECRET)
    argv = [EXPERIMENT, "budget=smoke", "sweep=null", "split.test=100", "training.steps=20", "threads=1"]
    more = ["hydra.output_subdir=.hydra", "hydra/job_logging=default", "hydra.job.name=log"]
    assert main([*argv, *more, "hydra.run.dir=run"]) == 0
    assert main(["-m", *argv, *more, "plots=[]", "seed=1,2", "hydra.sweep.dir=sweep"]) in (0, 1)
    files = [path for folder in ("run", "sweep") for path in (here / folder).rglob("*") if path.is_file()]
    assert {"config.yaml", "provenance.json", "run.log", "multirun.yaml"} <= {path.name for path in files}
    values = {value.encode() for value in os.environ.values() if len(value) > 16 and "/" not in value}
    assert SECRET.encode() in values
    assert [path for path in files for value in values if value in path.read_bytes()] == []


def test_nothing_is_unpickled():
    """What reads files: no pickle, no object arrays, no YAML but the safe one, no torch.load."""
    package = Path(mi_cli.__file__).parent
    for path in package.rglob("*.py"):
        in_memory = {  # these read back from memory what they have pickled themselves, to compare it and to copy it
            package / "testing" / "checks.py": "pickle.loads(pickle.dumps(",
            package / "compose" / "loader.py": "pickle.loads(self._pickles[key])",
        }
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import | ast.ImportFrom):
                names = {getattr(node, "module", None), *(alias.name for alias in node.names)}
                names -= {"pickle"} if path in in_memory else set()
                assert not names & {"pickle", "cloudpickle", "dill", "joblib", "marshal", "shelve"}, path
            if not isinstance(node, ast.Call):
                continue
            called, given = ast.unparse(node.func), {word.arg: ast.unparse(word.value) for word in node.keywords}
            assert called not in ("eval", "exec", "torch.load", "yaml.unsafe_load", "yaml.full_load"), path
            if called.startswith("pickle."):
                assert ast.unparse(node).startswith((in_memory[path], "pickle.dumps(")), path
            if called == "np.load":
                assert given["allow_pickle"] == "False", path
            if called == "yaml.load":
                assert ast.unparse(node.args[1]) == "_LOADER", path
    assert {module._LOADER for module in (help_page, results)} <= {yaml.SafeLoader, getattr(yaml, "CSafeLoader", None)}


_TENFOLD = "\n".join(f"{b}: &{b} [{','.join([f'*{a}'] * 10)}]" for a, b in itertools.pairwise("abcdefgh"))


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (f"a: &a [x]\n{_TENFOLD}", "its aliases come to 23,"),
        ("summary: &a [*a]", "is nested too deeply, or within itself; accepted: a config of at most 100,000 values"),
        (f"summary: {'[' * 5000}", "is nested too deeply, or within itself; accepted: a config of at most 100,000 val"),
    ],
    ids=["aliases of aliases", "within itself", "deep"],
)
def test_config_of_too_much_is_refused_at_once(tmp_path, capsys, text, fault):
    path = tmp_path / "experiment" / "large.yaml"
    path.parent.mkdir()
    path.write_text(f"# @package _global_\n{text}\n", encoding="utf-8")
    assert main(["--config-dir", str(tmp_path), "experiment=large"]) == 2
    assert capsys.readouterr().err.startswith(f"mi-run: {path}: {fault}")
    (tmp_path / "config.yaml").write_text(text, encoding="utf-8")
    assert main(["--config-path", str(tmp_path)]) == 2
    assert capsys.readouterr().err.startswith(f"mi-run: {tmp_path / 'config.yaml'}: {fault}")
