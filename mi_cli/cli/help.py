"""The help page of ``mi-run``: experiments, groups and how to start. Nothing here imports Hydra or torch."""

from __future__ import annotations

import shutil
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from mi_cli._version import __version__
from mi_cli.compose.yaml_errors import yaml_fault
from mi_cli.registry import plugins
from mi_cli.schema.groups import CHOICES, GROUPS
from mi_cli.schema.locations import config_folder, own_config_folders

__all__ = ["SECTIONS", "Listed", "experiments", "groups", "overview", "packages"]


_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_HEAD = f"""\
mi-run {__version__}: estimate mutual information, maximise it, and compare what it is worth.

Usage: mi-run [options] experiment=NAME [key=value ...]
"""

SECTIONS = {  # the order of the questions; each experiment says which of them it answers
    "Of your own table (add dataset.path=FILE)": (
        "How much do x and y share?",
        "How much, given other columns z?",
        "Which rows does it come from?",
        "Which pairs of columns share most?",
        "At which delay, and in which direction?",
        "Are columns redundant or synergistic?",
        "Which columns to keep?",
        "Is a learned representation worth it?",
        "Does an estimate hold up?",
    ),
    "Of distributions whose MI is known": (
        "How good are estimators?",
        "Do intervals keep what they promise?",
        "Can critics see dependence, and what is a code of large MI worth?",
    ),
}

_TAIL = """\
Your own table
  mi-run data.csv                        show its columns, and the commands to go on with
  mi-run estimate data.csv --y target    short for experiment=estimate dataset.path=data.csv 'dataset.y=[target]'
  mi-run pairs data.csv                  so are select, represent, lags, transfer and interaction; each has --help
  mi-run show [RUN_FOLDER]               print the answer of a run again; without a folder, of the newest in outputs
  mi-run open [RUN_FOLDER]               open its report in a browser
  mi-run compare RUN_FOLDER RUN_FOLDER   print what differs between two runs, and which numbers moved beyond the noise

Examples
  mi-run experiment=gaussian_sweep                              run an experiment
  mi-run experiment=gaussian_sweep budget=smoke                 run it in seconds, to see that it works
  mi-run experiment=gaussian_sweep plan=true                    print its trials and their cost; train nothing
  mi-run experiment=gaussian_sweep training.lr=0.003 seed=7     change values
  mi-run experiment=gaussian_sweep 'sweep.dataset.rho=[0,0.5]'  sweep over a list of values
  mi-run experiment=gaussian_sweep 'sweep.estimator=[dv,mine]'  sweep over options of a group
  mi-run -m experiment=gaussian_sweep training.lr=1e-3,1e-2     make one run for each value
  mi-run experiment=gaussian_sweep shards=4                     split the trials into 4 jobs, by hydra/launcher
  mi-run resume=RUN_FOLDER                                      go on with a run that was stopped or has failures
  mi-run --config-path=RUN_FOLDER                               run the config of another run
  mi-run again=RUN_FOLDER                                       run it again and compare the results
  mi-run encode run=RUN_FOLDER data=new.csv output=codes.csv    encode rows by the encoder that a run has kept
  mi-run score run=RUN_FOLDER data=new.csv output=scores.csv    pointwise MI of rows, of a run with estimator.keep=true

Options
  -m, --multirun          make one run for each combination of comma-separated values
  --cfg job               print the config and stop (also: hydra, all)
  --config-dir DIR        add a folder of your own experiments and options; or set MI_CONFIG_PATH=DIR:DIR
  --info [WHAT]           print how the config is composed
  --shell-completion      complete words in your shell: eval "$(mi-run -sc install=bash)" (or zsh, fish)
  --hydra-help            print the options of Hydra
  --version               print the version
  --help                  print this page

Each run makes a folder outputs/<name>/<date>_<time>_<id> with its config, results.csv, history, summary and plots.
output_root=DIR replaces outputs. hydra.run.dir=DIR names the run's folder itself.
"""


def overview() -> str:
    """The help page.

    Raises:
        ConfigError: a folder of the user's own configs is not there.
    """
    folders = [config_folder(), *own_config_folders(), *plugins.config_folders()]
    width = min(shutil.get_terminal_size().columns, 120) - 1
    options = {name: ", ".join(names) for name, names in groups(folders).items()}
    listing = [*_by_question(experiments(folders), width), "Groups (GROUP=OPTION)", *_table(options, width), ""]
    if added := packages():
        listing += ["Added by installed packages", *_table(added, width), ""]
    return "\n".join([_HEAD, *listing, _TAIL.rstrip()])


@dataclass(frozen=True)
class Listed:
    """What the help page says of an experiment.

    Attributes:
        summary: in one line.
        questions: that it answers; of each, what else to type.
    """

    summary: str
    questions: Mapping[str, str]


def experiments(folders: Iterable[Path]) -> dict[str, Listed]:
    """What is said of each experiment, by the experiment's name."""
    found: dict[str, Listed] = {}
    for folder in folders:
        for path in sorted((folder / "experiment").glob("*.yaml")):
            found.setdefault(path.stem, _listed(path))
    return found


def _by_question(listed: Mapping[str, Listed], width: int) -> list[str]:
    """Experiments below the questions they answer: ours in the order of the sections, then those of others."""
    answers: dict[str, dict[str, str]] = {question: {} for questions in SECTIONS.values() for question in questions}
    others = [question for one in listed.values() for question in one.questions if question not in answers]
    for name, one in listed.items():
        for question, typed in (one.questions or {"": ""}).items():
            answers.setdefault(question, {})[f"experiment={name} {typed}".rstrip()] = "" if typed else one.summary
    column = max((len(answer) for rows in answers.values() for answer, text in rows.items() if text), default=0) + 6
    sections = SECTIONS | {"Other questions": tuple(dict.fromkeys(others)), "Other experiments": ("",)}
    lines = ["Experiments, by the question they answer", ""]
    for title, questions in sections.items():
        asked = [question for question in questions if answers.get(question)]
        lines += [title] if asked else []
        for question in asked:
            lines += [f"  {question}"] if question else []
            lines += _table(answers[question], width, 4, column)
        lines += [""] if asked else []
    return lines


def groups(folders: Sequence[Path]) -> dict[str, list[str]]:
    """The options of each group, by the group's name."""
    files = {name: {path.stem for folder in folders for path in (folder / name).glob("*.yaml")} for name in GROUPS}
    return {name: sorted(stems.union(plugins.names(name))) for name, stems in files.items()}


def packages() -> dict[str, str]:
    """What each installed package adds, by the package's name and version; with the reason, if it cannot be used."""
    additions: dict[str, list[str]] = {}
    for plugin in plugins.installed():
        added = additions.setdefault(plugin.source, [])
        if plugin.fault is not None:
            added.append(f"{plugin.kind} {plugin.name} (not used: {plugin.reason})")
        elif plugin.folder is None:
            added.append(f"{plugin.kind} {plugin.name}")
        else:
            folder = plugin.folder
            paths = [path for name in CHOICES for path in sorted((folder / name).glob("*.yaml"))]
            added += [f"{path.parent.name} {path.stem}" for path in paths]
    return {source: "; ".join(dict.fromkeys(added)) for source, added in additions.items()}


def _listed(path: Path) -> Listed:
    try:
        content: Any = yaml.load(path.read_text(encoding="utf-8"), _LOADER)  # noqa: S506 (a safe loader)
    except yaml.YAMLError as error:
        return Listed(f"({yaml_fault(error, path.name)})", {})
    except (OSError, UnicodeDecodeError) as error:
        return Listed(f"({type(error).__name__})", {})
    if not isinstance(content, dict):
        return Listed("", {})
    asked = content.get("questions")
    questions = asked.items() if isinstance(asked, dict) else ()
    return Listed(_line(content.get("summary")), {_line(question): _line(typed) for question, typed in questions})


def _line(text: Any) -> str:
    return " ".join(str(text or "").split())


def _table(rows: Mapping[str, str], width: int, indent: int = 2, column: int = 0) -> list[str]:
    """Names and texts; the texts begin at ``column``, or two places after the longest name."""
    column = column or max(map(len, rows), default=0) + 2 + indent
    lines: list[str] = []
    for name, text in rows.items():
        wrapped = textwrap.wrap(text, max(width - column, 30), break_long_words=False, break_on_hyphens=False) or [""]
        lines.append((" " * indent + name).ljust(column) + wrapped[0])
        lines += [" " * column + line for line in wrapped[1:]]
    return [line.rstrip() for line in lines]
