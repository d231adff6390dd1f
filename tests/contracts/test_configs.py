"""Every yaml composes and validates, alone and in every experiment that there is."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import examples
import pytest
import yaml
from pydantic import Strict
from pydantic.fields import FieldInfo

from mi_cli.cli.help import SECTIONS, experiments
from mi_cli.compose.resolve import Resolved, resolve
from mi_cli.datasets.gaussian import Gaussian
from mi_cli.registry.builtin import DATASETS, ESTIMATORS, PLOTS
from mi_cli.registry.lookup import load
from mi_cli.schema import sweep
from mi_cli.schema.config import REGISTRIES, Config
from mi_cli.schema.groups import GROUPS
from mi_cli.schema.locations import config_folder

# They compose hundreds of configs by lines that tests/unit/compose covers, and tracing them would double their time.
pytestmark = pytest.mark.no_cover

CONFIGS = config_folder()
FILES = sorted(path.relative_to(CONFIGS) for path in CONFIGS.rglob("*.yaml"))
EXPERIMENTS = sorted(path.stem for path in (CONFIGS / "experiment").glob("*.yaml"))
OPTIONS = [(path.parent.name, path.stem) for path in FILES if path.parent.name in GROUPS]
ROWS = (
    "dataset.n_samples=200",
    "training.batch=full",
    "split.train=0.8",
    "split.val=0.1",
    "split.labelled=0.1",
)
TABLE = (f"dataset.path='{examples.ROWS}'", "dataset.x=[a]", "dataset.y=[b]")
LABELLED = (f"dataset.path='{examples.ROWS}'", "dataset.label=[b]", "dataset.n_samples=null")
PREDICTED = ("represent",)  # experiments on a table with labels
TOGETHER = (f"dataset.path='{examples.ROWS}'", "dataset.x=[a,b,c]")
OF_COLUMNS = ("interaction",)  # experiments on columns without sides
OF_TIME = ("lags", "transfer_entropy")
OWN_DATA = ("estimate", "pairwise", "sample_size_bias", "select", "self_consistency", *OF_COLUMNS, *OF_TIME)
PLAIN = ("dataset=gaussian", "training=adam", *ROWS)
COMPARE = ("procedure=compare", "estimator=dv", "dataset=polynomial_differences", *ROWS)  # which uses every section
# Too few columns for a code of five, or an estimator that trains no encoder.
ESTIMATES_ONLY = {
    *(name for name in DATASETS if name not in ("polynomial_differences", "root_functions")),
    *(name for name, path in ESTIMATORS.items() if not load(path).maximises),
}


def text(path: Path) -> str:
    return (CONFIGS / path).read_text(encoding="utf-8")


def keys(node: Any) -> set[str]:
    if isinstance(node, dict):
        return {str(key) for key in node} | {key for child in node.values() for key in keys(child)}
    return {key for child in node for key in keys(child)} if isinstance(node, list) else set()


def _of_table(name: str) -> list[str]:
    """What an option or experiment needs beside its name."""
    if name in ("labelled_table", *PREDICTED):
        return [*LABELLED, *(["split.labelled=0", "split.test=0.1"] if name == "labelled_table" else [])]
    if name not in ("table", "columns", "time_series", *OWN_DATA):
        return []
    columns = TOGETHER if name in ("columns", *OF_COLUMNS) else TABLE
    is_option = name in ("table", "columns", "time_series")
    return [*columns, *(["split.labelled=0", "split.test=0.1", "dataset.n_samples=null"] if is_option else [])]


OF_TRIPLES = frozenset(  # datasets with a z
    {"chain", "class_mixture", "collider", "confounded", "copied_bits", "coupled_maps", "var", "xor"}
)


@cache
def with_option(group: str, option: str) -> Resolved:
    """A config with an option of a group."""
    base = PLAIN if option in ESTIMATES_ONLY else COMPARE
    if option in OF_TRIPLES:
        base = (*PLAIN, "estimator=nearest")
    if option == "optuna":
        base = (*base, "++sweep.training.lr=[0.01, 0.1]")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Gaussian, "discrete", frozenset({"ross": "y", "discrete": "xy"}.get(option, "")))
        return resolve([*base, f"{group}={option}", *_of_table(option)])


@pytest.mark.parametrize("path", FILES, ids=str)
def test_config_is_data(path):
    content = yaml.safe_load(text(path))
    assert isinstance(content, dict)
    assert not {key for key in keys(content) if key.startswith("_") and key != "_self_"}
    assert "${oc.env" not in text(path)


@pytest.mark.parametrize("path", FILES, ids=str)
def test_config_begins_by_saying_what_it_is(path):
    assert re.match(r"# \S.{5}", text(path))


@pytest.mark.parametrize(("group", "option"), OPTIONS)
def test_option_composes_and_validates(group, option):
    if option == "optuna":
        pytest.importorskip("optuna", reason="needs pip install '.[search]'")
    values = with_option(group, option).values
    assert values[group] == option if group == "variant" else values[group]["name"]


TWO_SIDED = {"y", "z", "pair", "transform"}  # fields of tables that columns without sides refuse
OF_CLASSES_TOO = (
    "coverage",
    "conditional_coverage",
    "interaction_coverage",
    "time_coverage",
)  # experiments that leave copula out of some of their tasks


@pytest.mark.parametrize("group", sorted(REGISTRIES))
def test_everything_registered_has_a_yaml_and_says_every_value(group):
    assert {option for owner, option in OPTIONS if owner == group} >= set(REGISTRIES[group])
    for name in REGISTRIES[group]:
        (trial,) = with_option(group, name).expansion.trials
        section = getattr(trial.config, group)
        refused = TWO_SIDED if name == "columns" else set()
        assert set(yaml.safe_load(text(Path(group, f"{name}.yaml")))) == set(type(section).model_fields) - refused


@pytest.mark.parametrize("variant", ["corrected", "published"])
@pytest.mark.parametrize("name", EXPERIMENTS)
def test_experiment_composes_and_validates(name, variant):
    changes = variant == "corrected" or (CONFIGS / "experiment_variant" / f"{variant}_{name}.yaml").exists()
    for budget in ("full", "smoke") if changes else ("smoke",):
        resolved = resolve([f"experiment={name}", f"variant={variant}", f"budget={budget}", *_of_table(name)])
        left_out = tuple(notice for notice in resolved.notices if notice.startswith("copula is left out"))
        assert resolved.notices == (left_out if name in OF_CLASSES_TOO else ())
        assert bool(left_out) == (name in OF_CLASSES_TOO)
        assert resolved.values["name"] == name
        assert resolved.values["variant"] == variant
        trials = resolved.expansion.trials  # each validated
        n_left_out = sum(resolved.expansion.left_out.values())
        assert len(trials) + n_left_out == math.prod(map(len, sweep.axes(resolved.values).values()))
        assert len({trial.fingerprint for trial in trials}) == len(trials)


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_experiment_says_its_command_its_claim_and_what_it_does(name):
    lines = text(Path("experiment", f"{name}.yaml")).splitlines()
    assert lines[0] == "# @package _global_"
    assert lines[1].startswith(f"# mi-run experiment={name}")
    assert lines[2].startswith("# Claim: ")
    listed = experiments([CONFIGS])[name]
    assert 20 <= len(listed.summary) <= 100
    assert not listed.summary.endswith(".")
    known = {question for questions in SECTIONS.values() for question in questions}
    assert set(listed.questions) <= known
    assert "" in listed.questions.values()  # what the experiment answers as it is


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_experiment_holds_overrides_only_and_decides_something(name):
    content = yaml.safe_load(text(Path("experiment", f"{name}.yaml")))
    primary = yaml.safe_load(text(Path("config.yaml")))
    assert not set(content) - set(primary) - set(GROUPS) - {"defaults"}
    assert "hydra" not in content
    own = name in (*OWN_DATA, *PREDICTED)
    assert ("claims" in content) != own  # whose answer nobody knows beforehand
    assert content["plots"]
    assert set(content["plots"]) <= set(PLOTS)
    least = 0 if own else 1 if content.get("tables") else 5  # many tasks take the place of seeds
    assert len(content["sweep"].get("seed", [])) >= least


def test_every_variant_of_an_experiment_belongs_to_one():
    for path in (CONFIGS / "experiment_variant").glob("*.yaml"):
        variant, _, name = path.stem.partition("_")
        assert ("variant", variant) in OPTIONS
        assert name in EXPERIMENTS
        assert path.read_text(encoding="utf-8").startswith("# @package _global_\n")


def test_a_setting_that_is_true_or_false_takes_no_word_or_number_for_it():
    sections = [Config, *(load(path) for paths in REGISTRIES.values() for path in paths.values())]
    found = {f"{section.__name__}.{path}": field for section in sections for path, field in switches(section)}
    assert len(found) > 20
    assert [name for name, field in found.items() if Strict() not in field.metadata] == []


def switches(section: Any, path: str = "") -> Iterator[tuple[str, FieldInfo]]:
    """The settings of a section, and of the sections in it, that are true or false."""
    for name, field in section.model_fields.items():
        if field.annotation is bool:
            yield f"{path}{name}", field
        elif hasattr(field.annotation, "model_fields"):
            yield from switches(field.annotation, f"{path}{name}.")
