"""Whatever is wrong with what was typed: one line for each fault, exit code 2, and nothing left behind."""

from __future__ import annotations

import sys

import pytest
from examples import matches

from mi_cli.cli.main import main
from mi_cli.errors import Fault, listed
from mi_cli.registry.builtin import ESTIMATORS
from mi_cli.schema import locations

pytestmark = pytest.mark.usefixtures("here")

NO_ESTIMATOR = "no such estimator"
NAMES = ", ".join(sorted(ESTIMATORS))
EXPERIMENT = "experiment=gaussian_sweep"
SPLIT = ("dataset.n_samples=100", "training.batch=full")
BAD = [  # each fault as far as it is given here: its line may go on, and .* stands for anything
    (["experiment=foo"], Fault("experiment", "foo", "no such experiment", ".*gaussian_sweep")),
    (["gaussian_sweep"], Fault("gaussian_sweep", accepted="key=value, such as experiment=gaussian_sweep")),
    (["estimator"], Fault("estimator", accepted=f"key=value, such as estimator={min(ESTIMATORS)}")),
    (["nonsense"], Fault("nonsense", accepted="key=value, such as seed=1")),
    (["experiment=null"], Fault("experiment", "null", accepted=".*gaussian_sweep")),
    ([EXPERIMENT, "estimator=foo"], Fault("estimator", "foo", "no such estimator", NAMES)),
    ([EXPERIMENT, "estimator=student"], Fault("estimator", "student", NO_ESTIMATOR, NAMES, "dataset=student")),
    ([EXPERIMENT, "estimator=infonc"], Fault("estimator", "infonc", NO_ESTIMATOR, NAMES, "estimator=infonce")),
    ([EXPERIMENT, "estimator=3"], Fault("estimator", "3", accepted=listed(sorted(ESTIMATORS)))),
    (
        [EXPERIMENT, "estimator=[dv,mine]"],
        Fault("estimator", "[dv, mine]", "is several values", "one option, or an axis", "sweep.estimator=[dv, mine]"),
    ),
    ([EXPERIMENT, "+estimator=dv"], Fault("+estimator", "dv", accepted="estimator=dv, without a +")),
    ([EXPERIMENT, "variant=foo"], Fault("variant", "foo", "no such variant", "corrected, published")),
    ([EXPERIMENT, "budget=foo"], Fault("budget", "foo", "no such budget", "full, quick, smoke")),
    (
        [EXPERIMENT, "seed=1,2"],
        Fault("seed", "1,2", "is several values", "one", f"'sweep.seed=[1,2]' (an axis) or mi-run -m {EXPERIMENT}"),
    ),
    (
        [EXPERIMENT, "sweep.seed=1,2"],
        Fault("sweep.seed", "1,2", accepted="a list of values", command="sweep.seed=[1,2]"),
    ),
    (
        [EXPERIMENT, "training.lr=range(1,3)"],
        Fault(
            "training.lr",
            "range(1,3)",
            "is several values",
            "one",
            f"mi-run -m {EXPERIMENT} 'training.lr=range(1,3)' (a run for",
        ),
    ),
    (
        [EXPERIMENT, "training.lr=[1"],
        Fault("training.lr", "[1", "cannot be read", "key=value, with closed brackets"),
    ),
    (
        [EXPERIMENT, "output_root=~/größe"],
        Fault("output_root", "~/größe", "cannot be read", ".*odd characters in quotes, as \"output_root='~/größe'\""),
    ),
    ([EXPERIMENT, "name='a"], Fault("name", "'a", "cannot be read", "key=value, with closed brackets")),
    ([EXPERIMENT, "=3"], Fault("=3", accepted="key=value")),
    (
        [EXPERIMENT, "dataset.foo=1"],
        Fault("dataset.foo", "1", "unknown key", "dataset.dim, dataset.map, dataset.mi, dataset.n_samples,"),
    ),
    (
        [EXPERIMENT, "foo=1"],
        Fault("foo", "1", "unknown key", "budget, checkpoint_every, claims, dataset, device, estimator, evaluation,"),
    ),
    ([EXPERIMENT, "foo.bar=1"], Fault("foo.bar", "1", "unknown key", "budget,")),
    (
        [EXPERIMENT, "+foo=1"],
        Fault("foo", "1", "unknown key", "budget, checkpoint_every, claims, dataset, device, estimator, evaluation,"),
    ),
    (
        [EXPERIMENT, "+dataset.foo=1"],
        Fault("dataset.foo", "1", "unknown key", "dataset.dim, dataset.map, dataset.mi, dataset.n_samples,"),
    ),
    ([EXPERIMENT, "+dataset.rho=1"], Fault("+dataset.rho", "1", "is in the config already", "dataset.rho=1")),
    ([EXPERIMENT, "~dataset.foo"], Fault("~dataset.foo", problem="unknown key", accepted="dataset.dim, dataset.map,")),
    (
        [EXPERIMENT, "~dataset.rho=5"],
        Fault("~dataset.rho", "5", "Could not delete from config. The value of 'dataset.rho' is"),
    ),
    ([EXPERIMENT, "~sweep.foo"], Fault("~sweep.foo", problem="unknown key", accepted="sweep.dataset, sweep.seed")),
    (
        [EXPERIMENT, "hydra.foo=1"],
        Fault("hydra.foo", "1", "unknown key", "the settings that mi-run --cfg hydra prints"),
    ),
    ([EXPERIMENT, "hydra.job.chdir=abc"], Fault("hydra.job.chdir", "abc", "Value 'abc' is not a valid bool")),
    ([EXPERIMENT, "hydra/launcher=foo"], Fault("hydra/launcher", "foo", "no such hydra/launcher", "basic")),
    ([EXPERIMENT, "hydra.searchpath=[file:///nope]"], Fault("hydra.searchpath", "/nope", "no such folder")),
    ([EXPERIMENT, "name=${foo}"], Fault("name", "${foo}", "Interpolation key 'foo' not found", "${key} of a key")),
    (
        [EXPERIMENT, "name=${oc.env:MI_RUN_NOPE}"],
        Fault("name", "${oc.env:MI_RUN_NOPE}", "Environment variable 'MI_RUN_NOPE' not"),
    ),
    ([EXPERIMENT, "name=???"], Fault("name", "???", accepted="given a value")),
    ([EXPERIMENT, "name=a/b"], Fault("name", "a/b", accepted="up to 100 letters, digits,")),
    ([EXPERIMENT, "dataset.rho=1.5"], Fault("dataset.rho", "1.5", accepted="a number between -1 and 1")),
    ([EXPERIMENT, "dataset.rho=abc"], Fault("dataset.rho", "abc", accepted="a number between -1 and 1")),
    ([EXPERIMENT, "dataset.rho=nan"], Fault("dataset.rho", "nan", accepted="a finite number between -1 and 1")),
    ([EXPERIMENT, "dataset.dim=0"], Fault("dataset.dim", "0", accepted="a whole number of at least 1")),
    ([EXPERIMENT, "training.steps=-1"], Fault("training.steps", "-1", accepted="a whole number of at least 1")),
    (
        [EXPERIMENT, "training.batch=abc"],
        Fault("training.batch", "abc", accepted="a whole number of at least 1 or full"),
    ),
    ([EXPERIMENT, "training.schedule=foo"], Fault("training.schedule", "foo", accepted="constant or cosine")),
    (
        [EXPERIMENT, "estimator.hiden=[5]"],
        Fault("estimator.hiden", "[5]", "unknown key", "estimator.activation,"),
    ),
    ([EXPERIMENT, "seed=true"], Fault("seed", "true", accepted="a whole number between 0 and 4294967295")),
    ([EXPERIMENT, "split.val=0"], Fault("split.val", "0", "makes 0 rows", "a number of rows, at least 2")),
    (
        [*SPLIT, "split.train=0"],
        Fault("split.train", "0", "makes 0 rows of dataset.n_samples=100", "a share or number"),
    ),
    (
        [*SPLIT, "split.train=.7", "split.val=.7"],
        Fault("split", "{train: 0.7, val: 0.7}", "the shares add up to 1.4", "at most 1 in all"),
    ),
    (
        ["procedure=maximise", "estimator=dv", "dataset=polynomial_differences", "representation.dim=12"],
        Fault("representation.dim", "12", "PCA of 10 columns and 3000 rows has fewer components", "1 to 10"),
    ),
    ([EXPERIMENT, "sweep.seed=[]"], Fault("sweep.seed", "[]", "is empty", "at least one value")),
    ([EXPERIMENT, "sweep.seed=5"], Fault("sweep.seed", "5", accepted="a list of values", command="sweep.seed=[5]")),
    (
        [EXPERIMENT, "sweep=[]"],
        Fault("sweep", "[]", accepted="a section of axes, such as sweep.seed=[0, 1, 2]", command="sweep=null to"),
    ),
    (
        [EXPERIMENT, "sweep.dataset.rho={a:1}"],
        Fault("sweep.dataset.rho", "{a:1}", accepted="a list of values, such as sweep."),
    ),
    (
        [EXPERIMENT, "sweep.dataset.dim={a:1}"],
        Fault("sweep.dataset.dim", "{a: 1}", accepted="a list of values", command="sweep.dataset.dim=[1]"),
    ),
    (["resume="], Fault("resume", "", "is not the folder of a run", "a folder with a config.yaml")),
    (["again="], Fault("again", "", "no such folder", "the folder of a finished run")),
    ([EXPERIMENT, "claims=3"], Fault("claims", "3", accepted="a list (each a section whose kind is .* or answers)")),
    ([EXPERIMENT, "plots=forest"], Fault("plots", "forest", accepted="a list (each .*)", command="plots=[forest]")),
    ([EXPERIMENT, "plots=[[forest]]"], Fault("plots.0", "[forest]", accepted="answer_coverage,")),
    (["experiment=a,b"], Fault("experiment", "a,b", "is several values", "one", "mi-run -m experiment=a,b (a run")),
    (
        [EXPERIMENT, "variant=a,b"],
        Fault("variant", "a,b", "is several values", "one", f"mi-run -m {EXPERIMENT} variant=a"),
    ),
    ([EXPERIMENT, "name=${foo:1}"], Fault("name", "${foo:1}", "Unsupported interpolation type foo", "${key} of")),
    (
        [EXPERIMENT, "claims=[{text: a}]"],
        Fault("claims.0", "{text: a}", accepted="a section whose kind is equals_truth,"),
    ),
    (
        ["~estimator"],
        Fault("estimator", problem="is missing", accepted=f"a section whose name is {listed(sorted(ESTIMATORS))}"),
    ),
    ([EXPERIMENT, "output_root="], Fault("output_root", "", accepted="a folder")),
    ([EXPERIMENT, "split=[]"], Fault("split", "[]", accepted="a section of keys and values")),
    ([EXPERIMENT, "sweep.estimator=[dv,dv]"], Fault("sweep.estimator", "[dv, dv]", "repeats dv", "different values")),
    (
        ["-sc", "foo"],
        Fault("--shell-completion", accepted="followed by install=, uninstall= or query= and bash, zsh or fish"),
    ),
    (["-m", EXPERIMENT, "seed=range(0)"], Fault("seed", "range(0)", "has no values", "at least one")),
    ([EXPERIMENT, "hydra.run.dir="], Fault("hydra.run.dir", "", accepted="a folder, new or empty")),
    (
        ["-m", EXPERIMENT, "seed=1,2", "hydra.sweep.dir="],
        Fault("hydra.sweep.dir", "", accepted="a folder, new or empty"),
    ),
    ([EXPERIMENT, "sweep=3"], Fault("sweep", "3", accepted="a section of axes")),
    ([EXPERIMENT, "sweep.foo=[1]"], Fault("sweep.foo", "[1]", "no such value in the config", "seed,")),
    (
        [EXPERIMENT, "sweep.dataset.rho=[0,2]"],
        Fault("dataset.rho", "2", accepted="a number between -1 and 1", origin="sweep.dataset.rho=[0, 2]"),
    ),
    (
        [EXPERIMENT, "sweep.dataset=[gaussian]"],
        Fault("sweep.dataset", "[gaussian]", "there are axes inside it already", command="~sweep.dataset to drop them"),
    ),
    (
        [EXPERIMENT, "sweep.estimator=[dv,foo]"],
        Fault("sweep.estimator", "[dv, foo]", "no such estimator: foo", NAMES),
    ),
    (
        [EXPERIMENT, "sweep.device=[cpu]"],
        Fault(
            "sweep.device",
            "[cpu]",
            "cannot be an axis, as all trials of a run share it",
            command="mi-run -m device=cpu",
        ),
    ),
    (
        [EXPERIMENT, "dataset=root_functions"],
        Fault("sweep.dataset.rho", "[0.0, 0.2, 0.4, 0.6, 0.8, 1.0]", "no such value in"),
    ),
    ([EXPERIMENT, "device=gpu"], Fault("device", "gpu", accepted="auto, cpu, cuda or mps")),
    ([EXPERIMENT, "plan=maybe"], Fault("plan", "maybe", accepted="true or false")),
    ([EXPERIMENT, "seed", "3"], Fault("seed 3", accepted="key=value", command="seed=3")),
    ([EXPERIMENT, "seed", "=", "3"], Fault("seed = 3", accepted="key=value without spaces", command="seed=3")),
    (["experiment", "estimate"], Fault("experiment estimate", accepted="key=value", command="experiment=estimate")),
    (
        [EXPERIMENT, "sweep.seed=[0,", "1]"],
        Fault("sweep.seed", "[0, 1]", "is cut at its spaces by the shell", ".*", "'sweep.seed=[0, 1]'"),
    ),
    (
        ["dataset=table", "dataset.y=power", "use", "(kW)"],
        Fault(
            "dataset.y", "power use (kW)", "is cut at its spaces by the shell", ".*", "\"dataset.y='power use (kW)'\""
        ),
    ),
    ([EXPERIMENT, "--seed=3"], Fault("", problem="unrecognized arguments: --seed=3; use seed=3")),
    ([EXPERIMENT, "trainig.steps=9"], Fault("trainig.steps", "9", "unknown key", ".*", "training.steps=9")),
    ([EXPERIMENT, "rho=0.5"], Fault("rho", "0.5", "unknown key", ".*", "dataset.rho=0.5")),
    (
        [EXPERIMENT, "time.lags=[0,5]"],
        Fault("time.lags", "[0, 5]", "procedure=estimate does not use it", "procedure=l"),
    ),
    ([EXPERIMENT, "sweep.selection.bins=[2]"], Fault("sweep.selection.bins", "[2]", "procedure=estimate does not use")),
    ([EXPERIMENT, "representation.dim=2"], Fault("representation.dim", "2", "procedure=estimate does not use it")),
    ([EXPERIMENT, "plan=no"], Fault("plan", "no", accepted="true or false")),
    ([EXPERIMENT, "trust=yes"], Fault("trust", "yes", accepted="true or false")),
    ([EXPERIMENT, "trust="], Fault("trust", "", accepted="true or false")),
    ([EXPERIMENT, "estimator.norms=1"], Fault("estimator.norms", "1", accepted="true or false")),
    ([EXPERIMENT, "estimator.hidden=8,8"], Fault("estimator.hidden", "8,8", ".*", command="estimator.hidden=[8,8]")),
    ([EXPERIMENT, "plots=forest,coverage"], Fault("plots", "forest,coverage", ".*", command="plots=[forest,coverage]")),
    (["experiment=estimate", "dataset=gaussian"], Fault("dataset.n_samples", "null", "fit=crossfit needs a number of")),
    (
        [EXPERIMENT, "output_root=/dev/null/x"],
        Fault("output_root", "/dev/null/x", "cannot be written to (Not a directory)"),
    ),
    (
        [EXPERIMENT, "output_root=/dev/null"],
        Fault("output_root", "/dev/null", "cannot be written to (Not a directory)"),
    ),
    (
        [EXPERIMENT, "hydra.run.dir=/dev/null/x"],
        Fault("hydra.run.dir", "/dev/null/x", "cannot be written to (Not a directory)"),
    ),
    (
        [EXPERIMENT, "hydra.run.dir=/dev/null"],
        Fault("hydra.run.dir", "/dev/null", "cannot be written to (it is a file)"),
    ),
    (
        [EXPERIMENT, "hydra.run.dir=/"],
        Fault("hydra.run.dir", "/", "holds files already", "a folder that is new or empty"),
    ),
    (["--foo"], Fault("", problem="unrecognized arguments: --foo; see mi-run --help")),
    (["--experimental-rerun=x.pickle"], Fault("", problem="unrecognized arguments: --experimental-rerun=x.pickle")),
    (["--cfg=foo", EXPERIMENT], Fault("", problem="argument --cfg/-c: invalid choice: 'foo'")),
    (
        ["--cfg=job", "-m", EXPERIMENT],
        Fault("", problem="--cfg, --multirun: do not go together; accepted: one of them"),
    ),
    (["--resolve", EXPERIMENT], Fault("", problem="--resolve, --package: accepted only with --cfg")),
    (["--cfg=job", "experiment=foo"], Fault("experiment", "foo", "no such experiment", ".*gaussian_sweep")),
    (["--cfg=job", "dataset.foo=1"], Fault("dataset.foo", "1", "unknown key", "dataset.dim,")),
    (
        ["--config-dir=/nope", EXPERIMENT],
        Fault("--config-dir", "/nope", "no such folder", "a folder with experiment/<name>.yaml"),
    ),
    (["--config-path=/nope"], Fault("--config-path", "/nope", "no such folder", "a folder with a config.yaml")),
    (
        ["--config-path=."],
        Fault("--config-path", ".", "has no config.yaml", "a folder with a config.yaml, such as a run's"),
    ),
    (["--config-path="], Fault("--config-path", "", "no such folder")),
    (["--config-name=nope", EXPERIMENT], Fault("--config-name", "nope", "no such config")),
    (["-m", EXPERIMENT, "dataset.rho=0.1,2"], Fault("dataset.rho", "2", accepted="a number between -1 and 1")),
    (["-m", EXPERIMENT, "estimator=dv,foo"], Fault("estimator", "foo", "no such estimator", NAMES)),
    (
        ["-m", EXPERIMENT, "training.lr=interval(0,1)"],
        Fault("training.lr", "interval(0,1)", "needs a sweeper that searches"),
    ),
    (["-m", EXPERIMENT, "hydra.sweep.dir=a,b"], Fault("hydra.sweep.dir", "a,b", "is several values", "one")),
    (
        ["-m", EXPERIMENT, "seed=1,2", "output_root=/dev/null"],
        Fault("output_root", "/dev/null", "cannot be written to"),
    ),
    (["-m", EXPERIMENT, "seed=1,2", "hydra.sweep.dir=/"], Fault("hydra.sweep.dir", "/", "holds files already")),
]


if sys.platform != "darwin":
    BAD.append(([EXPERIMENT, "device=mps"], Fault("device", "mps", "is not on this machine", "auto")))


@pytest.mark.parametrize(("argv", "fault"), BAD, ids=[" ".join(argv) for argv, _ in BAD])
def test_fault_is_one_line_and_leaves_nothing(capsys, runner, here, argv, fault):
    assert main(argv) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert len(err.splitlines()) == 1
    assert matches(err, f"mi-run: {fault}"), err
    assert list(here.iterdir()) == []
    assert runner.runs == []


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        ("syntax", Fault("{own}/syntax.yaml:4", problem="is not YAML (expected ',' or ']'")),
        ("twice", Fault("{own}/twice.yaml:3", problem="is not YAML (found duplicate key name")),
        ("binary", Fault("{own}/binary.yaml", problem="is not UTF-8 text")),
        ("option", Fault("estimator", "nope", "no such estimator, named in a defaults list", NAMES)),
        (
            "group",
            Fault(
                "experiment/group.yaml", problem="override /estimatr: no such group", accepted="experiment, estimator,"
            ),
        ),
        ("list", Fault("experiment/list.yaml", problem="must hold keys and values, such as 'seed: 1'")),
        ("bare", Fault("experiment", "bare", "its yaml must hold keys and values, such as 'seed: 1'")),
        ("number", Fault("{own}/number.yaml", problem="must hold keys and values, such as 'seed: 1'")),
        ("absent", Fault("experiment/absent.yaml", problem="its defaults name experiment/nothing, which is not there")),
        ("reference", Fault("name", "${foo}", "Interpolation key 'foo' not found", "${key} of a key")),
        ("package", Fault("experiment", "package", "its yaml must begin with the line '# @package _global_'")),
        ("word", Fault("{own}/word.yaml: defaults", "foo", accepted="a list of entries such as 'override /")),
        ("entry", Fault("{own}/entry.yaml: defaults.1", "3", accepted="an entry such as 'override /")),
        (
            "beside",
            Fault(
                "experiment/beside.yaml",
                problem="its defaults name experiment/estimator/dv, which is not there",
                accepted=".*",
                command="override /estimator: dv",
            ),
        ),
        ("key", Fault("datasett", "{rho: 1}", "unknown key", "budget,")),
    ],
)
def test_fault_in_somebodys_own_config_is_one_line(capsys, runner, here, own, name, fault):
    assert main(["--config-dir", str(own), f"experiment={name}"]) == 2
    err = capsys.readouterr().err
    assert len(err.splitlines()) == 1
    assert matches(err, f"mi-run: {fault}".replace("{own}", str(own / "experiment"))), err
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
        fault = Fault("MI_CONFIG_PATH", "/nope", "no such folder", locations.OWN_LAYOUT)
        assert capsys.readouterr().err == f"mi-run: {fault}\n"
