"""What ``mi-run`` says about itself: experiments, groups and how to start. Needs neither Hydra nor torch."""

from __future__ import annotations

import shutil
import textwrap
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import yaml

from mi_cli._version import __version__
from mi_cli.compose.yaml_errors import yaml_fault
from mi_cli.registry import plugins
from mi_cli.schema.groups import CHOICES, GROUPS
from mi_cli.schema.locations import config_folder, own_config_folders

__all__ = ["experiments", "groups", "overview", "packages"]


_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_HEAD = f"""\
mi-run {__version__}: estimate mutual information, maximise it, and compare what it is worth.

Usage: mi-run [options] experiment=NAME [key=value ...]
"""

_TAIL = """\
Examples
  mi-run experiment=gaussian_sweep                              an experiment as it is
  mi-run experiment=gaussian_sweep budget=smoke                 the same in seconds, to see that it works
  mi-run experiment=gaussian_sweep plan=true                    its trials and what they cost; trains nothing
  mi-run experiment=gaussian_sweep training.lr=0.003 seed=7     with other values
  mi-run experiment=gaussian_sweep 'sweep.dataset.rho=[0,0.5]'  a list in `sweep` is an axis
  mi-run experiment=gaussian_sweep 'sweep.estimator=[dv,mine]'  and so is a list of a group's options
  mi-run -m experiment=gaussian_sweep training.lr=1e-3,1e-2     one run for each value
  mi-run experiment=gaussian_sweep shards=4                     its trials in 4 jobs of a hydra/launcher
  mi-run resume=RUN_FOLDER                                      go on with a run that was stopped, or has failures
  mi-run --config-path=RUN_FOLDER                               a finished run once more
  mi-run again=RUN_FOLDER                                       the same, and whether its results come out again

Options
  -m, --multirun          one run for each combination of comma-separated values
  --cfg job               print the config and stop (also: hydra, all)
  --config-dir DIR        experiments and options of your own; or set MI_CONFIG_PATH=DIR:DIR
  --info [WHAT]           how the config was composed
  --shell-completion      eval "$(mi-run -sc install=bash)" (or zsh, fish)
  --hydra-help            what Hydra adds
  --version, --help

Each run leaves a folder of its own, outputs/<name>/<date>_<time>_<id>, with its config, results.csv, history,
summary and plots; elsewhere with output_root=DIR, or in exactly one place with hydra.run.dir=DIR.
"""


def overview() -> str:
    """The help page.

    Raises:
        ConfigError: a folder of people's own configs is not there.
    """
    folders = [config_folder(), *own_config_folders(), *plugins.config_folders()]
    named = experiments(folders)
    width = min(shutil.get_terminal_size().columns, 120) - 1
    options = {name: ", ".join(found) for name, found in groups(folders).items()}
    listing = ["Experiments (experiment=NAME)", *_table(named, width), ""]
    listing += ["Groups (GROUP=OPTION)", *_table(options, width), ""]
    if added := packages():
        listing += ["Added by installed packages", *_table(added, width), ""]
    return "\n".join([_HEAD, *listing, _TAIL.rstrip()])


def experiments(folders: Iterable[Path]) -> dict[str, str]:
    """What each experiment says of itself in one line (its ``summary``), by name."""
    found: dict[str, str] = {}
    for folder in folders:
        for path in sorted((folder / "experiment").glob("*.yaml")):
            found.setdefault(path.stem, _summary(path))
    return found


def groups(folders: Sequence[Path]) -> dict[str, list[str]]:
    """The options of each group, by the group's name."""
    found = {name: {path.stem for folder in folders for path in (folder / name).glob("*.yaml")} for name in GROUPS}
    return {name: sorted(stems.union(plugins.names(name))) for name, stems in found.items()}


def packages() -> dict[str, str]:
    """What each installed package adds, and why some of it cannot be used, by the package's name and version."""
    found: dict[str, list[str]] = {}
    for plugin in plugins.installed():
        added = found.setdefault(plugin.source, [])
        if plugin.fault is not None:
            added.append(f"{plugin.kind} {plugin.name} (not used: {plugin.reason})")
        elif plugin.folder is None:
            added.append(f"{plugin.kind} {plugin.name}")
        else:
            folder = plugin.folder
            paths = [path for name in CHOICES for path in sorted((folder / name).glob("*.yaml"))]
            added += [f"{path.parent.name} {path.stem}" for path in paths]
    return {source: "; ".join(dict.fromkeys(added)) for source, added in found.items()}


def _summary(path: Path) -> str:
    try:
        content: Any = yaml.load(path.read_text(encoding="utf-8"), _LOADER)  # noqa: S506 (a safe loader)
    except yaml.YAMLError as error:
        return f"({yaml_fault(error, path.name)})"
    except (OSError, UnicodeDecodeError) as error:
        return f"({type(error).__name__})"
    return " ".join(str(content.get("summary") or "").split()) if isinstance(content, dict) else ""


def _table(rows: dict[str, str], width: int) -> list[str]:
    column = max(map(len, rows), default=0) + 4
    lines: list[str] = []
    for name, text in rows.items():
        wrapped = textwrap.wrap(text, max(width - column, 30), break_long_words=False, break_on_hyphens=False) or [""]
        lines.append(f"  {name}".ljust(column) + wrapped[0])
        lines += [" " * column + line for line in wrapped[1:]]
    return [line.rstrip() for line in lines]
