"""The help page lists experiments by the question they answer."""

from __future__ import annotations

import shlex

import pytest

from mi_cli.cli.help import SECTIONS, experiments, overview
from mi_cli.compose.resolve import resolve
from mi_cli.schema import locations

EXPERIMENTS = experiments([locations.config_folder()])
TYPED = [(name, typed) for name, one in EXPERIMENTS.items() for typed in one.questions.values() if typed]


def test_each_question_has_an_experiment_below_it():
    page = overview()
    for question in [question for questions in SECTIONS.values() for question in questions]:
        (name, typed) = next(
            (n, one.questions[question]) for n, one in EXPERIMENTS.items() if question in one.questions
        )
        assert page.partition(f"\n  {question}\n    ")[2].startswith(f"experiment={name} {typed}".rstrip())
    assert "Other" not in page


@pytest.mark.parametrize(("name", "typed"), TYPED)
def test_what_else_to_type_is_what_a_config_takes(name, typed, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data.csv").write_text("a,b,c\n" + "".join(f"{i},{i % 7 + i / 100},{i % 5}\n" for i in range(200)))
    of_table = ["dataset.path=data.csv", "dataset.x=[a]", "dataset.y=[b]"]
    assert resolve([f"experiment={name}", *of_table, *shlex.split(typed)]).values["name"] == name


@pytest.mark.parametrize(
    ("content", "shown"),
    [
        ("questions: [a]\nsummary: mine", "Other experiments\n    experiment=own"),
        ("questions: {Is it so?: ''}\nsummary: mine", "Other questions\n  Is it so?\n    experiment=own"),
        ("questions: {Is it so?: seed=1}", "Other questions\n  Is it so?\n    experiment=own seed=1\n"),
        ("questions: {Which columns to keep?: ''}", "\n    experiment=own\n  Is a learned"),
        ("- a list", "Other experiments\n    experiment=own\n"),
    ],
)
def test_experiments_of_others(content, shown, tmp_path, monkeypatch):
    (tmp_path / "experiment").mkdir()
    (tmp_path / "experiment" / "own.yaml").write_text(content)
    monkeypatch.setenv(locations.OWN_CONFIGS, str(tmp_path))
    assert shown in overview()
