"""What other packages add: packages made up here, and the example package as the real command sees it."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from examples import TESTS

from mi_cli.cli.help import packages
from mi_cli.cli.main import main
from mi_cli.compose.resolve import resolve
from mi_cli.errors import ConfigError, Fault, listed
from mi_cli.plots import forest
from mi_cli.procedures.estimate import Estimate
from mi_cli.records.results import Records
from mi_cli.registry import plugins
from mi_cli.registry.builtin import ESTIMATORS, PLOTS
from mi_cli.registry.builtin import PROCEDURES as OURS
from mi_cli.registry.lookup import classes, needs_rows, plot_function, procedure_class
from mi_cli.schema.config import validate
from mi_cli.schema.sweep import expand

EXAMPLE = TESTS / "example_package"
ROWS = ("dataset.n_samples=400", "split.train=0.5", "split.val=0.25", "split.test=0.25", "training.batch=50")
HEAVY = {"torch", "sklearn", "scipy", "matplotlib", "example_package"}

MODULE = """
from typing import ClassVar, Literal
from mi_cli.estimators.base import Estimator

class Constant(Estimator):
    kind: ClassVar[str] = "point estimate"
    name: Literal["constant"] = "constant"
    value: float
    layers: tuple[int, ...] = (1, 2)

    def estimate(self, *args):
        raise NotImplementedError

class Mine(Constant):
    name: Literal["mine"] = "mine"

class Free(Constant):
    name: str

class Abstract(Estimator):
    name: Literal["abstract"] = "abstract"

def function():
    pass
"""

Install = Callable[..., None]


def metadata(name: str, version: str, entries: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
    """The files of an installed package's metadata."""
    folder = f"{name.replace('-', '_')}-{version}.dist-info"
    lines = [line for group, of in entries.items() for line in (f"[{group}]", *(f"{k} = {v}" for k, v in of.items()))]
    return {
        f"{folder}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        f"{folder}/entry_points.txt": "\n".join(lines),
    }


def example() -> dict[str, str]:
    """The files of the example package, as if pip had installed it: which takes seconds, and hatchling."""
    project = tomllib.loads((EXAMPLE / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    paths = [path for pattern in ("*.py", "*.yaml") for path in (EXAMPLE / "example_package").rglob(pattern)]
    sources = {str(path.relative_to(EXAMPLE)): path.read_text(encoding="utf-8") for path in paths}
    return sources | metadata(project["name"], project["version"], project["entry-points"])


def written(folder: Path, files: Mapping[str, str]) -> Path:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder


def forget() -> None:
    plugins.installed.cache_clear()
    plugins._loaded.cache_clear()


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Installs packages ``name={estimator or dataset name: path}``, whose one module is ``made_up``."""
    before = set(sys.modules)

    def install(files: Mapping[str, str] | None = None, **packages: Mapping[str, str]) -> None:
        found = {"made_up.py": MODULE} if files is None else dict(files)
        for name, entries in packages.items():
            found |= metadata(name, "1.0", {"mi_cli.estimators": entries})
        monkeypatch.syspath_prepend(written(tmp_path / "site", found))
        forget()

    yield install
    for name in set(sys.modules) - before:
        if name.partition(".")[0] in ("made_up", "example_package"):
            del sys.modules[name]
    monkeypatch.undo()
    forget()


def fault(*overrides: str) -> str:
    with pytest.raises(ConfigError) as raised:
        resolve([*overrides, *ROWS])
    (line,) = raised.value.lines
    return line


def section(*overrides: str) -> dict[str, Any]:
    found: dict[str, Any] = resolve([*overrides, *ROWS]).values["estimator"]
    return found


# How a name is asked for


def test_option_is_the_defaults_of_the_class(install):
    install(theirs={"constant": "made_up:Constant"})
    expected = {"name": "constant", "value": 2, "layers": [1, 2]}
    assert section("estimator=constant", "estimator.value=2") == expected
    assert validate({"estimator": {"name": "constant", "value": 2}, "dataset": {"name": "gaussian", "n_samples": 50},
                     "split": {"val": 10, "test": 10}}).estimator.layers == (1, 2)  # fmt: skip


def test_value_without_default_must_be_given(install):
    install(theirs={"constant": "made_up:Constant"})
    assert fault("estimator=constant") == "estimator.value=???: must be given a value"


def test_missing_section_may_be_theirs(install):
    install(theirs={"constant": "made_up:Constant"})
    accepted = listed(sorted([*ESTIMATORS, "constant"]))
    assert fault("~estimator") == f"estimator: is missing; accepted: a section whose name is {accepted}"


def test_values_are_checked_like_ours(install):
    install(theirs={"constant": "made_up:Constant"})
    assert fault("estimator=constant", "estimator.value=x") == "estimator.value=x: must be a number"
    assert fault("estimator=constant", "estimator.valu=1", "estimator.value=1") == (
        "estimator.valu=1: unknown key; accepted: estimator.layers, estimator.name, estimator.value; "
        "use estimator.value=1"
    )
    assert fault("estimator=constant", "estimator.value=1", "+estimator.more=1") == (
        "estimator.more=1: unknown key; accepted: estimator.layers, estimator.name, estimator.value"
    )


def test_class_may_go_by_any_name(install):
    install(theirs={"one": "made_up:Free", "two": "made_up:Free"})
    assert section("estimator=two", "estimator.value=1")["name"] == "two"


def test_options_are_axes(install):
    install(example())
    values = resolve(
        ["++sweep.estimator=[mine,gaussian_fit]", "++sweep.dataset=[added_uniform,gaussian]", *ROWS]
    ).values
    assert [option["name"] for option in values["sweep"]["estimator"]] == ["mine", "gaussian_fit"]
    assert [option["name"] for option in values["sweep"]["dataset"]] == ["added_uniform", "gaussian"]
    inside = resolve(["estimator=gaussian_fit", "++sweep.estimator.shrinkage=[0,0.5]", *ROWS]).values
    assert inside["sweep"] == {"estimator": {"shrinkage": [0, 0.5]}}


@pytest.mark.parametrize("chosen", ["estimator=gaussian_fit", "estimator.name=gaussian_fit"])
def test_name_chooses_the_option(runner, here, install, chosen):
    install(example())
    assert main([chosen, "estimator.shrinkage=0.5", *ROWS]) == 0
    assert runner.runs[0][0]["estimator"] == {"name": "gaussian_fit", "shrinkage": 0.5}
    assert main(["-m", f"{chosen},mine", *ROWS]) == 0
    assert [values["estimator"]["name"] for values, _, _ in runner.runs[1:]] == ["gaussian_fit", "mine"]


def test_name_chooses_ours_as_well(runner, here):
    assert main(["estimator.name=dv"]) == 0
    assert "ema_rate" not in runner.runs[0][0]["estimator"]


def test_settings_of_an_experiment_that_a_choice_does_not_have_are_left_out(install):
    install(example())
    resolved = resolve(["experiment=gaussian_sweep", "estimator=gaussian_fit", *ROWS])
    assert resolved.values["estimator"] == {"name": "gaussian_fit", "shrinkage": 0}
    assert any("gaussian_fit has no hidden" in notice for notice in resolved.notices)


def test_settings_that_only_another_package_has_are_left_out(install):
    path = "example_package/configs/experiment/added_uniform.yaml"
    install(example() | {path: example()[path] + "estimator: {shrinkage: 0.25}\n"})
    resolved = resolve(["experiment=added_uniform", "estimator=mine"])
    assert "shrinkage" not in resolved.values["estimator"]
    assert "estimator.shrinkage=0.25 of the experiment is left out: mine has no shrinkage" in resolved.notices


def test_saved_config_has_values_and_no_options(runner, here, install, capsys):
    install(example())
    assert main(["estimator=gaussian_fit", *ROWS]) == 0
    saved = f"--config-path={runner.runs[0][1]}"
    assert main([saved, "estimator.shrinkage=0.2"]) == 0
    assert runner.runs[1][0]["estimator"] == {"name": "gaussian_fit", "shrinkage": 0.2}
    assert main([saved, "estimator=gaussian_fit"]) == 2
    assert "a saved config has no groups" in capsys.readouterr().err


def test_yaml_of_the_package_goes_before_the_defaults_of_the_class(install):
    own = {"example_package/configs/estimator/gaussian_fit.yaml": "name: gaussian_fit\nshrinkage: 0.125\n"}
    install(example() | own)
    assert section("estimator=gaussian_fit")["shrinkage"] == 0.125


# What is wrong with it


def test_module_that_cannot_be_imported(install):
    install({"made_up.py": "import no_such_module\n"}, theirs={"broken": "made_up:X", "gone": "not_there.at_all:X"})
    assert fault("estimator=broken") == (
        "estimator.name=broken: made_up:X of theirs 1.0 cannot be imported (ModuleNotFoundError: No module named "
        "'no_such_module'); use python -c 'import made_up' to see where"
    )
    assert fault("++sweep.estimator=[mine,broken]") == fault("estimator=broken")
    assert "estimator.name=gone: not_there.at_all:X of theirs 1.0 cannot be imported" in fault("estimator=gone")
    assert section("estimator=mine")["name"] == "mine"


@pytest.mark.parametrize("code", ["raise SystemExit(3)", "1 / 0", "def f(:"])
def test_module_that_fails_in_its_own_way(install, code):
    install({"made_up.py": code}, theirs={"broken": "made_up:X"})
    assert "estimator.name=broken: made_up:X of theirs 1.0 cannot be imported (" in fault("estimator=broken")


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("made_up:Nothing", "cannot be imported (AttributeError: "),
        ("made_up:function", "is no estimator; accepted: a class that extends mi_cli.estimators.base.Estimator"),
        ("made_up", "is no estimator; accepted: a class that extends mi_cli.estimators.base.Estimator"),
        ("mi_cli.datasets.gaussian:Gaussian", "is no estimator; accepted: "),
        ("made_up:Abstract", "lacks estimate; accepted: a class that extends mi_cli.estimators.base.Estimator and"),
        ("made_up:Constant", 'calls itself constant; accepted: name: Literal["x"]'),
    ],
)
def test_object_that_is_no_such_class(install, path, reason):
    install(theirs={"x": path})
    assert fault("estimator=x").startswith(f"estimator.name=x: {path} of theirs 1.0 {reason}")


def test_ours_keeps_its_name(install):
    install(theirs={"mine": "made_up:Mine"})
    assert "value" not in section("estimator=mine")
    assert plugins.names("estimator") == []
    assert plugins.used_plugins([("estimator", "mine")]) == []
    assert packages() == {"theirs 1.0": "estimator mine (not used: mi-run has its own, which is used)"}


def test_name_of_two_packages_has_no_meaning(install):
    install(theirs={"constant": "made_up:Constant", "free": "made_up:Free"}, others={"constant": "made_up:Constant"})
    line = "estimator.name=constant: is added by others 1.0 and theirs 1.0; accepted: one of them installed"
    assert fault("estimator=constant", "estimator.value=1") == line
    assert fault("++sweep.estimator=[constant]") == line
    assert plugins.names("estimator") == ["free"]
    assert section("estimator=free", "estimator.value=1")["name"] == "free"


def test_name_that_hydra_could_not_read(install):
    install(theirs={"a/b": "made_up:Constant", "1": "made_up:Free"})
    assert plugins.names("estimator") == []
    assert "accepted: a name of a letter" in packages()["theirs 1.0"]


def test_faulty_classes_do_not_disturb_others(install):
    install(theirs={"x": "made_up:function", "constant": "made_up:Constant"})
    assert [found.__name__ for found in classes("estimator")].count("Constant") == 1


def test_configs_that_are_not_there(install):
    entries = {"mi_cli.configs": {"a": "example_package.nowhere", "b": "not.there"}}
    install(example() | metadata("theirs", "1.0", entries))
    assert plugins.config_folders() == [Path(sys.path[0], "example_package", "configs")]
    assert packages()["theirs 1.0"] == (
        "configs a (not used: example_package.nowhere is no folder); configs b (not used: not.there is no folder)"
    )


# Procedures and plots


PROCEDURES = """
from mi_cli.procedures.base import Cost, Outcome, Procedure

class Counting(Procedure):
    name = "counting"
    objectives = ()

    def cost(self, config):
        return Cost(1, 1, 1)

    def run(self, trials, context):
        return [Outcome(trial, {"count": {"status": "ok"}}) for trial in trials]

class Nameless(Counting):
    name = "other"

class Abstract(Procedure):
    name = "abstract"

def plain(records):
    pass

def rows(records):
    pass

rows.needs_rows = True
"""


@pytest.fixture
def made_up(install):
    """Installs a package of procedures and plots, each by name and path in ``made_up``."""

    def made_up(procedures: Mapping[str, str], plots: Mapping[str, str], package: str = "theirs") -> None:
        groups = {"mi_cli.procedures": procedures, "mi_cli.plots": plots}
        paths = {group: {name: f"made_up:{path}" for name, path in of.items()} for group, of in groups.items()}
        install({"made_up.py": PROCEDURES} | metadata(package, "1.0", paths))

    return made_up


def faults(*overrides: str) -> tuple[Fault, ...]:
    with pytest.raises(ConfigError) as raised:
        resolve([*overrides, *ROWS])
    return raised.value.faults


def test_names_of_packages_are_accepted_beside_ours(made_up):
    made_up({"counting": "Counting"}, {"plain": "plain"})
    assert resolve(["procedure=counting", "plots=[forest,plain]", *ROWS]).values["procedure"] == "counting"
    assert faults("procedure=x") == (Fault("procedure", "x", accepted=listed([*OURS, "counting"])),)
    assert faults("plots=[plain,x]") == (Fault("plots.1", "x", accepted=listed([*PLOTS, "plain"])),)


def test_procedure_is_used_for_what_it_supports(made_up):
    made_up({"counting": "Counting"}, {})
    problem = "procedure=counting does not cross-fit"
    assert faults("procedure=counting", "fit=crossfit") == (Fault("fit", "crossfit", problem, "split"),)
    (fault,) = faults("procedure=counting", "search=optuna", "++sweep.training.lr=[0.1,0.2]")
    assert (fault.key, fault.problem) == ("search.name", "procedure=counting has no value that trials are judged by")


@pytest.mark.parametrize(
    ("procedures", "plots", "override", "key", "problem", "accepted"),
    [
        ({"x": "Nothing"}, {}, "procedure=x", "procedure", "cannot be imported (AttributeError: ", ""),
        ({"x": "plain"}, {}, "procedure=x", "procedure", "is no procedure", "mi_cli.procedures.base.Procedure"),
        ({"abstract": "Abstract"}, {}, "procedure=abstract", "procedure", "lacks cost, run", "and defines it"),
        ({"x": "Nameless"}, {}, "procedure=x", "procedure", "calls itself other", 'name = "x"'),
        ({}, {"x": "Nothing"}, "plots=[x]", "plots", "cannot be imported (AttributeError: ", ""),
        ({}, {"x": "PROCEDURE"}, "plots=[x]", "plots", "cannot be imported (AttributeError: ", ""),
        ({}, {"x": "__name__"}, "plots=[x]", "plots", "is no plot", "a function that takes the records of a run"),
    ],
)
def test_object_that_is_no_procedure_or_plot(made_up, procedures, plots, override, key, problem, accepted):
    made_up(procedures, plots)
    (found,) = faults(override)
    assert found.key == key
    assert problem in found.problem
    assert accepted in found.accepted


def test_procedures_and_plots_of_ours_keep_their_names(made_up):
    made_up({"estimate": "Counting"}, {"forest": "plain"})
    assert procedure_class("estimate") is Estimate
    assert plot_function("forest") is forest.plot
    assert not needs_rows("forest")
    not_used = "(not used: mi-run has its own, which is used)"
    assert packages() == {"theirs 1.0": f"procedure estimate {not_used}; plot forest {not_used}"}


def test_search_leaves_out_plots_of_rows(made_up):
    made_up({}, {"plain": "plain", "rows": "rows"})
    assert [needs_rows(name) for name in ("gaussian_samples", "rows", "plain", "forest", "x")] == [
        True, True, False, False, False,
    ]  # fmt: skip
    typed = ["experiment=gaussian_sweep", "search=optuna", "++sweep.training.lr=[0.1,0.2]", "budget=smoke"]
    found = resolve([*typed, "plots=[rows,plain,gaussian_samples,forest]"]).values
    assert found["plots"] == ["plain", "forest"]


def test_fingerprints_tell_versions_of_a_procedure_apart(install, tmp_path):
    values = {"procedure": "shuffled", "dataset": {"name": "gaussian", "n_samples": 100},
              "estimator": {"name": "gaussian"}, "split": {"train": 0.5, "val": 0.25, "test": 0.25},
              "training": {"batch": 20}, "seed": 1}  # fmt: skip
    marks = []
    for version in ("1.2", "1.3"):
        project = tomllib.loads((EXAMPLE / "pyproject.toml").read_text(encoding="utf-8"))["project"]
        files = {path: text for path, text in example().items() if path.endswith((".py", ".yaml"))}
        for stale in (tmp_path / "site").glob("*.dist-info/entry_points.txt"):
            stale.unlink()
        install(files | metadata(project["name"], version, project["entry-points"]))
        marks.append(expand(values | {"sweep": {}})[0].fingerprint)
    assert len(set(marks)) == 2


# As the command sees it


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Path:
    return written(tmp_path_factory.mktemp("site"), example())


@pytest.fixture
def command(site, here):
    """Runs ``mi-run`` where the example package is installed, and says which modules it loaded."""
    code = "import atexit, sys; atexit.register(lambda: print(*sys.modules, file=sys.stderr))"
    code += "; from mi_cli.cli.main import command; command()"

    def run(*argv: str, **environment: str) -> tuple[subprocess.CompletedProcess[str], set[str]]:
        done = subprocess.run(
            [sys.executable, "-W", "error", "-c", code, *argv],
            capture_output=True, text=True, timeout=120, check=False,
            env=os.environ | {"PYTHONPATH": str(site)} | environment,
        )  # fmt: skip
        return done, set(done.stderr.split())

    return run


def test_help_lists_what_packages_add_without_importing_them(command):
    done, modules = command("--help", COLUMNS="120")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    estimators = ", ".join(sorted([*ESTIMATORS, "gaussian_fit"]))
    assert f" estimator {estimators} dataset " in " ".join(done.stdout.split())
    at = lines.index("Added by installed packages")
    assert lines[at + 1].split(maxsplit=2) == [
        "example-package", "1.2",
        "estimator gaussian_fit; dataset added_uniform; procedure shuffled; plot histograms; objective",
    ]  # fmt: skip
    rest = "mixed; encoder gated; experiment added_uniform; experiment shuffled_uniform"
    assert " ".join(lines[at + 2].split()) == rest
    asked = done.stdout.partition("Other questions\n  Do fits see what they do not assume?\n")[2]
    assert asked.startswith("    experiment=added_uniform")
    assert "Does a Gaussian fit see all the information of uniform variables?" in asked
    assert "Other experiments\n    experiment=shuffled_uniform" in asked
    assert not HEAVY & modules


def test_names_are_completed_without_importing_them(command):
    done, modules = command("-sc", "query=bash", COMP_LINE="mi-run estimator=gaussian_")
    assert done.stdout.split() == ["estimator=gaussian_fit"]
    assert not HEAVY & modules
    done, modules = command("-sc", "query=bash", COMP_LINE="mi-run estimator=gaussian_fit estimator.s")
    assert done.stdout.split() == ["estimator.shrinkage="]
    assert not (HEAVY - {"example_package"}) & modules


THEIRS = {"package": "example-package", "version": "1.2"}
DATASET = {"dataset": "added_uniform", **THEIRS, "class": "example_package.datasets:AddedUniform"}
ESTIMATOR = {"estimator": "gaussian_fit", **THEIRS, "class": "example_package.estimators:GaussianFit"}
PLOT = {"plot": "histograms", **THEIRS, "class": "example_package.plots:histograms"}
PROCEDURE = {"procedure": "shuffled", **THEIRS, "class": "example_package.procedures:Shuffled"}


def rows_of(folder: Path) -> list[dict[str, str]]:
    with (folder / "results.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def plugins_of(folder: Path) -> list[dict[str, str]]:
    found: list[dict[str, str]] = json.loads((folder / "provenance.json").read_text(encoding="utf-8"))["plugins"]
    return found


def test_experiment_of_a_package_runs_with_both(install, here):
    install(example())
    typed = ["experiment=added_uniform", "sweep.estimator=[gaussian_fit,dv]", "sweep.seed=[0,1]", "training.steps=20",
             "dataset.n_samples=400", "threads=1"]  # fmt: skip
    assert main([*typed, "hydra.run.dir=run"]) == 0
    rows = rows_of(Path("run"))
    assert [(row["dataset"], row["status"]) for row in rows] == [("added_uniform", "ok")] * 8
    assert {row["estimator"] for row in rows} == {"gaussian_fit", "dv"}
    assert plugins_of(Path("run")) == [DATASET, ESTIMATOR]
    assert Path("run/plots/estimate_against_axis.png").exists()
    assert main(["--config-path=run", "hydra.run.dir=again", "plots=[]"]) == 0
    assert len(rows_of(Path("again"))) == 8


def test_all_that_a_package_adds_runs_in_workers(command, install, here, capsys):
    given = ("experiment=shuffled_uniform", "sweep.estimator=[gaussian_fit,dv]", "sweep.seed=[0,1]",
             "training.steps=20")  # fmt: skip
    folder = Path("outputs/shuffled_uniform/run")  # where later runs look for recorded trials
    done, _ = command(*given, "threads=2", f"hydra.run.dir={folder}")
    assert done.returncode == 0, done.stderr
    rows = rows_of(folder)
    assert [(row["status"], row["true_mi"]) for row in rows] == [("ok", "0.0")] * 8
    assert all(abs(float(row["estimate"])) < 0.01 for row in rows if row["method"] == "gaussian_fit")
    assert "true MI" in done.stdout
    samples = Records(folder).samples
    assert samples["trial"].unique().to_list() == [int(row["trial"]) for row in rows if row["seed"] == "0"]
    assert (folder / "plots" / "histograms.png").read_bytes().startswith(b"\x89PNG")
    assert plugins_of(folder) == [DATASET, ESTIMATOR, PLOT, PROCEDURE]
    install(example())
    assert main([*given, "threads=1", "plots=[]", "hydra.run.dir=again"]) == 0
    assert "8 of 8 trials are taken from" in capsys.readouterr().err
    assert main([*given, "threads=1", "plots=[]", "reuse=false", "hydra.run.dir=alone"]) == 0
    # Run alone, this test has seen the fit differ in its last digit between a worker and this process.
    for method, tolerance in (("dv", 0), ("gaussian_fit", 1e-12)):
        alone, spread = (
            [float(row["estimate"]) for row in of if row["method"] == method] for of in (rows_of(Path("alone")), rows)
        )
        assert alone == pytest.approx(spread, rel=tolerance, abs=tolerance)
