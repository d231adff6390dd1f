"""Whatever is wrong with what was typed: one line for each fault, exit code 2, and nothing left behind."""

from __future__ import annotations

import sys

import pytest
from examples import matches

from mi_cli.cli.main import main
from mi_cli.errors import listed
from mi_cli.registry.builtin import ESTIMATORS
from mi_cli.schema import locations

pytestmark = pytest.mark.usefixtures("here")

NAMES = ", ".join(sorted(ESTIMATORS))
EXPERIMENT = "experiment=gaussian_sweep"
SPLIT = ("dataset.n_samples=100", "training.batch=full")
BAD = [
    (["experiment=foo"], "experiment=foo: no such experiment; accepted: .*gaussian_sweep"),
    (["gaussian_sweep"], "gaussian_sweep: must be key=value, such as experiment=gaussian_sweep"),
    (["estimator"], f"estimator: must be key=value, such as estimator={min(ESTIMATORS)}"),
    (["nonsense"], "nonsense: must be key=value, such as seed=1"),
    (["experiment=null"], "experiment=null: must be .*gaussian_sweep"),
    ([EXPERIMENT, "estimator=foo"], f"estimator=foo: no such estimator; accepted: {NAMES}"),
    ([EXPERIMENT, "estimator=3"], f"estimator=3: must be {listed(sorted(ESTIMATORS))}"),
    (
        [EXPERIMENT, "estimator=[dv,mine]"],
        "estimator=[dv, mine]: must be one option; as an axis: sweep.estimator=[dv, mine]",
    ),
    ([EXPERIMENT, "+estimator=dv"], "+estimator=dv: must be estimator=dv, without a +"),
    ([EXPERIMENT, "variant=foo"], "variant=foo: no such variant; accepted: corrected, published"),
    ([EXPERIMENT, "budget=foo"], "budget=foo: no such budget; accepted: full, quick, smoke"),
    (
        [EXPERIMENT, "seed=1,2"],
        "seed=1,2: is several values; accepted: one, an axis (sweep.seed=[1,2]), or a run for ",
    ),
    ([EXPERIMENT, "sweep.seed=1,2"], "sweep.seed=1,2: must be a list; accepted: sweep.seed=[1,2]"),
    (
        [EXPERIMENT, "training.lr=range(1,3)"],
        "training.lr=range(1,3): is several values; accepted: one, or a run",
    ),
    (
        [EXPERIMENT, "training.lr=[1"],
        "training.lr=[1: cannot be read; accepted: key=value, with closed brackets",
    ),
    (
        [EXPERIMENT, "output_root=~/größe"],
        "output_root=~/größe: cannot be read; accepted: .*odd characters in quotes, as \"output_root='~/größe'\"",
    ),
    ([EXPERIMENT, "name='a"], "name='a: cannot be read; accepted: key=value, with closed brackets"),
    ([EXPERIMENT, "=3"], "=3: must be key=value"),
    (
        [EXPERIMENT, "dataset.foo=1"],
        "dataset.foo=1: unknown key; accepted: dataset.dim, dataset.map, dataset.mi, dataset.n_samples,",
    ),
    (
        [EXPERIMENT, "foo=1"],
        "foo=1: unknown key; accepted: budget, checkpoint_every, claims, dataset, device, estimator, evaluation,",
    ),
    ([EXPERIMENT, "foo.bar=1"], "foo.bar=1: unknown key; accepted: budget,"),
    (
        [EXPERIMENT, "+foo=1"],
        "foo=1: unknown key; accepted: budget, checkpoint_every, claims, dataset, device, estimator, evaluation,",
    ),
    (
        [EXPERIMENT, "+dataset.foo=1"],
        "dataset.foo=1: unknown key; accepted: dataset.dim, dataset.map, dataset.mi, dataset.n_samples,",
    ),
    ([EXPERIMENT, "+dataset.rho=1"], "+dataset.rho=1: is in the config already; accepted: dataset.rho=1"),
    ([EXPERIMENT, "~dataset.foo"], "~dataset.foo: unknown key; accepted: dataset.dim, dataset.map,"),
    (
        [EXPERIMENT, "~dataset.rho=5"],
        "~dataset.rho=5: Could not delete from config. The value of 'dataset.rho' is",
    ),
    ([EXPERIMENT, "~sweep.foo"], "~sweep.foo: unknown key; accepted: sweep.dataset, sweep.seed"),
    (
        [EXPERIMENT, "hydra.foo=1"],
        "hydra.foo=1: unknown key; accepted: the settings that mi-run --cfg hydra prints",
    ),
    ([EXPERIMENT, "hydra.job.chdir=abc"], "hydra.job.chdir=abc: Value 'abc' is not a valid bool"),
    ([EXPERIMENT, "hydra/launcher=foo"], "hydra/launcher=foo: no such hydra/launcher; accepted: basic"),
    ([EXPERIMENT, "hydra.searchpath=[file:///nope]"], "hydra.searchpath=/nope: no such folder"),
    ([EXPERIMENT, "name=${foo}"], "name=${foo}: Interpolation key 'foo' not found; accepted: ${key} of a key"),
    (
        [EXPERIMENT, "name=${oc.env:MI_RUN_NOPE}"],
        "name=${oc.env:MI_RUN_NOPE}: Environment variable 'MI_RUN_NOPE' not",
    ),
    ([EXPERIMENT, "name=???"], "name=???: must be given a value"),
    ([EXPERIMENT, "name=a/b"], "name=a/b: must be up to 100 letters, digits,"),
    ([EXPERIMENT, "dataset.rho=1.5"], "dataset.rho=1.5: must be a number between -1 and 1"),
    ([EXPERIMENT, "dataset.rho=abc"], "dataset.rho=abc: must be a number between -1 and 1"),
    ([EXPERIMENT, "dataset.rho=nan"], "dataset.rho=nan: must be a finite number between -1 and 1"),
    ([EXPERIMENT, "dataset.dim=0"], "dataset.dim=0: must be a whole number of at least 1"),
    ([EXPERIMENT, "training.steps=-1"], "training.steps=-1: must be a whole number of at least 1"),
    ([EXPERIMENT, "training.batch=abc"], "training.batch=abc: must be a whole number of at least 1 or full"),
    ([EXPERIMENT, "training.schedule=foo"], "training.schedule=foo: must be constant or cosine"),
    (
        [EXPERIMENT, "estimator.hiden=[5]"],
        "estimator.hiden=[5]: unknown key; accepted: estimator.activation,",
    ),
    ([EXPERIMENT, "seed=true"], "seed=true: must be a whole number between 0 and 4294967295"),
    ([EXPERIMENT, "split.val=0"], "split.val=0: makes 0 rows; accepted: a number of rows, at least 2"),
    (
        [*SPLIT, "split.train=0"],
        "split.train=0: makes 0 rows of dataset.n_samples=100; accepted: a share or number",
    ),
    (
        [*SPLIT, "split.train=.7", "split.val=.7"],
        "split.train=0.7, split.val=0.7: shares that add up to 1.4; accepted: ",
    ),
    (
        ["procedure=maximise", "estimator=dv", "dataset=polynomial_differences", "representation.dim=12"],
        "representation.dim=12: PCA of 10 columns and 3000 rows has fewer components; accepted: 1 to 10",
    ),
    ([EXPERIMENT, "sweep.seed=[]"], "sweep.seed=[]: is empty; accepted: at least one value"),
    ([EXPERIMENT, "sweep.seed=5"], "sweep.seed=5: must be a list of values, such as sweep.seed=[5]"),
    ([EXPERIMENT, "sweep=[]"], "sweep=[]: must be a section of axes, such as sweep.seed=[0, 1, 2]; sweep=null drops"),
    ([EXPERIMENT, "sweep.dataset.rho={a:1}"], "sweep.dataset.rho={a:1}: must be a list of values, such as sweep."),
    ([EXPERIMENT, "sweep.dataset.dim={a:1}"], "sweep.dataset.dim={a: 1}: must be a list of values, such as sweep."),
    (["experiment=a,b"], "experiment=a,b: is several values; accepted: one, or a run for each (mi-run -m)"),
    ([EXPERIMENT, "variant=a,b"], "variant=a,b: is several values; accepted: one, or a run for each (mi-run -m)"),
    ([EXPERIMENT, "name=${foo:1}"], "name=${foo:1}: Unsupported interpolation type foo; accepted: ${key} of"),
    ([EXPERIMENT, "claims=[{text: a}]"], "claims.0={text: a}: must be a section whose kind is equals_truth,"),
    (["~estimator"], f"estimator: is missing; accepted: a section whose name is {listed(sorted(ESTIMATORS))}"),
    ([EXPERIMENT, "output_root="], "output_root=: must be a folder"),
    ([EXPERIMENT, "split=[]"], "split=[]: must be a section of keys and values"),
    ([EXPERIMENT, "sweep.estimator=[dv,dv]"], "sweep.estimator=[dv, dv]: repeats dv; accepted: different values"),
    (["-sc", "foo"], "--shell-completion: must be followed by install=, uninstall= or query= and bash, zsh or fish"),
    (["-m", EXPERIMENT, "seed=range(0)"], "seed=range(0): has no values; accepted: at least one"),
    ([EXPERIMENT, "hydra.run.dir="], "hydra.run.dir=: must be a folder, new or empty"),
    (["-m", EXPERIMENT, "seed=1,2", "hydra.sweep.dir="], "hydra.sweep.dir=: must be a folder, new or empty"),
    ([EXPERIMENT, "sweep=3"], "sweep=3: must be a section of axes"),
    ([EXPERIMENT, "sweep.foo=[1]"], "sweep.foo=[1]: no such value in the config; accepted: seed,"),
    (
        [EXPERIMENT, "sweep.dataset.rho=[0,2]"],
        "sweep.dataset.rho=[0, 2]: dataset.rho=2: must be a number between -1 and 1",
    ),
    (
        [EXPERIMENT, "sweep.dataset=[gaussian]"],
        "sweep.dataset=[gaussian]: there are axes inside it already; drop them",
    ),
    (
        [EXPERIMENT, "sweep.estimator=[dv,foo]"],
        f"sweep.estimator=[dv, foo]: no such estimator: foo; accepted: {NAMES}",
    ),
    (
        [EXPERIMENT, "sweep.device=[cpu]"],
        "sweep.device=[cpu]: cannot be an axis; sweep it from the shell instead",
    ),
    (
        [EXPERIMENT, "dataset=root_functions"],
        "sweep.dataset.rho=[0.0, 0.2, 0.4, 0.6, 0.8, 1.0]: no such value in",
    ),
    ([EXPERIMENT, "device=gpu"], "device=gpu: must be auto, cpu, cuda or mps"),
    ([EXPERIMENT, "plan=maybe"], "plan=maybe: must be true or false"),
    (
        [EXPERIMENT, "output_root=/dev/null/x"],
        "output_root=/dev/null/x: cannot be written to (Not a directory)",
    ),
    ([EXPERIMENT, "output_root=/dev/null"], "output_root=/dev/null: cannot be written to (Not a directory)"),
    (
        [EXPERIMENT, "hydra.run.dir=/dev/null/x"],
        "hydra.run.dir=/dev/null/x: cannot be written to (Not a directory)",
    ),
    ([EXPERIMENT, "hydra.run.dir=/dev/null"], "hydra.run.dir=/dev/null: cannot be written to (it is a file)"),
    (
        [EXPERIMENT, "hydra.run.dir=/"],
        "hydra.run.dir=/: holds files already; accepted: a folder that is new or empty",
    ),
    (["--foo"], "unrecognized arguments: --foo; see mi-run --help"),
    (["--experimental-rerun=x.pickle"], "unrecognized arguments: --experimental-rerun=x.pickle"),
    (["--cfg=foo", EXPERIMENT], "argument --cfg/-c: invalid choice: 'foo'"),
    (["--cfg=job", "-m", EXPERIMENT], "--cfg, --multirun: accepted: one of them"),
    (["--resolve", EXPERIMENT], "--resolve, --package: accepted only with --cfg"),
    (["--cfg=job", "experiment=foo"], "experiment=foo: no such experiment; accepted: .*gaussian_sweep"),
    (["--cfg=job", "dataset.foo=1"], "dataset.foo=1: unknown key; accepted: dataset.dim,"),
    (
        ["--config-dir=/nope", EXPERIMENT],
        "--config-dir=/nope: no such folder; accepted: a folder with experiment/<name>.yaml",
    ),
    (["--config-path=/nope"], "--config-path=/nope: no such folder; accepted: a folder with a config.yaml"),
    (
        ["--config-path=."],
        "--config-path=.: has no config.yaml; accepted: a folder with a config.yaml, such as a run's",
    ),
    (["--config-path="], "--config-path=: no such folder"),
    (["--config-name=nope", EXPERIMENT], "--config-name=nope: no such config"),
    (["-m", EXPERIMENT, "dataset.rho=0.1,2"], "dataset.rho=2: must be a number between -1 and 1"),
    (["-m", EXPERIMENT, "estimator=dv,foo"], f"estimator=foo: no such estimator; accepted: {NAMES}"),
    (
        ["-m", EXPERIMENT, "training.lr=interval(0,1)"],
        "training.lr=interval(0,1): needs a sweeper that searches",
    ),
    (["-m", EXPERIMENT, "hydra.sweep.dir=a,b"], "hydra.sweep.dir=a,b: is several values; accepted: one"),
    (["-m", EXPERIMENT, "seed=1,2", "output_root=/dev/null"], "output_root=/dev/null: cannot be written to"),
    (["-m", EXPERIMENT, "seed=1,2", "hydra.sweep.dir=/"], "hydra.sweep.dir=/: holds files already"),
]


if sys.platform != "darwin":
    BAD.append(([EXPERIMENT, "device=mps"], "device=mps: is not on this machine; accepted: auto"))


@pytest.mark.parametrize(("argv", "line"), BAD, ids=[" ".join(argv) for argv, _ in BAD])
def test_fault_is_one_line_and_leaves_nothing(capsys, runner, here, argv, line):
    assert main(argv) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert len(err.splitlines()) == 1
    assert matches(err, f"mi-run: {line}"), err
    assert list(here.iterdir()) == []
    assert runner.runs == []


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("syntax", "{own}/syntax.yaml:4: is not YAML (expected ',' or ']'"),
        ("twice", "{own}/twice.yaml:3: is not YAML (found duplicate key name"),
        ("binary", "{own}/binary.yaml: is not UTF-8 text"),
        ("option", f"estimator=nope: no such estimator, named in a defaults list; accepted: {NAMES}"),
        (
            "group",
            "experiment/group.yaml: override /estimatr: no such group; accepted: experiment, estimator,",
        ),
        ("list", "experiment/list.yaml: must hold keys and values, such as 'seed: 1'"),
        ("bare", "experiment=bare: its yaml must hold keys and values, such as 'seed: 1'"),
        ("number", "{own}/number.yaml: must hold keys and values, such as 'seed: 1'"),
        ("absent", "experiment/absent.yaml: its defaults name experiment/nothing, which is not there"),
        ("reference", "name=${foo}: Interpolation key 'foo' not found; accepted: ${key} of a key"),
        ("package", "experiment=package: its yaml must begin with the line '# @package _global_'"),
        ("key", "datasett={rho: 1}: unknown key; accepted: budget,"),
    ],
)
def test_fault_in_somebodys_own_config_is_one_line(capsys, runner, here, own, name, line):
    assert main(["--config-dir", str(own), f"experiment={name}"]) == 2
    err = capsys.readouterr().err
    assert len(err.splitlines()) == 1
    assert matches(err, "mi-run: " + line.replace("{own}", str(own / "experiment"))), err
    assert list(here.iterdir()) == []


def test_many_faults_are_many_lines(capsys, here):
    assert main([EXPERIMENT, "training.lr=0", "threads=0"]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 2


@pytest.mark.parametrize("section", ["", "training.", "split.", "estimator."])
def test_what_is_accepted_does_not_depend_on_a_plus(capsys, section):
    lines = []
    for plus in ("", "+"):
        assert main([EXPERIMENT, f"{plus}{section}nope=1"]) == 2
        lines.append(capsys.readouterr().err)
    assert lines[0] == lines[1]
    assert f"{section}nope=1: unknown key; accepted: {section}" in lines[0]


def test_own_folder_that_is_not_there(capsys, monkeypatch):
    monkeypatch.setenv(locations.OWN_CONFIGS, "/nope")
    for argv in ([], [EXPERIMENT]):
        assert main(argv) == 2
        assert (
            capsys.readouterr().err
            == f"mi-run: MI_CONFIG_PATH=/nope: no such folder; accepted: {locations.OWN_LAYOUT}\n"
        )
