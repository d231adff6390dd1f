"""``mi-run again=RUN_FOLDER``: a finished run once more, and whether its results come out again."""

from __future__ import annotations

import argparse
import csv
from pathlib import Path

import yaml

from mi_cli import records, schema
from mi_cli.cli.arguments import gives
from mi_cli.cli.comparison import compare, read_provenance, read_rows
from mi_cli.cli.exits import BAD_INPUT, FAILED, FINE
from mi_cli.cli.invocation import Invocation
from mi_cli.cli.single_run import single_run
from mi_cli.compose.trust import typed
from mi_cli.console import printing
from mi_cli.errors import ConfigError, Fault, listed
from mi_cli.files import expanded_path

__all__ = ["finished_run", "report", "reproduce"]

_FILES = ("config.yaml", "results.csv", "provenance.json")
_A_RUN = "the folder of a finished run, such as outputs/<name>/<date>_<time>_<id>"


def reproduce(args: argparse.Namespace, invocation: Invocation) -> int:
    """Run a finished run again from its own config, and compare the results; return the exit code."""
    run, args.overrides = finished_run(args)
    args.config_path = str(run.absolute())
    invocation.start_fork_server_early(args.overrides)
    code = single_run(args, invocation)
    new = invocation.folders[-1].path
    if code == BAD_INPUT or not (new / "provenance.json").exists():
        return code
    return FINE if report(run, new) else FAILED


def finished_run(args: argparse.Namespace) -> tuple[Path, list[str]]:
    """The finished run that ``again=`` names, and the overrides to run it with.

    Raises:
        ConfigError: the folder is no finished run, or something else that was typed would change its results.
    """
    overrides = [text for text in args.overrides if not gives("again", text)]
    named = [text.partition("=")[2] for text in args.overrides if gives("again", text)]
    _check_typed(args, overrides, named[-1])
    if len(named) > 1:
        raise ConfigError(Fault(" ".join(f"again={text}" for text in named), problem="several runs", accepted="one"))
    run = expanded_path(named[0].strip("'\""))
    _check_folder(named[0], run)
    return run, [*overrides, "++force=true"]  # no trial is taken from what that run has recorded


def _check_typed(args: argparse.Namespace, overrides: list[str], run: str) -> None:
    """Refuse what may change the results."""
    allowed = (*schema.changeable("again"), "hydra.run.dir")
    options = {"--multirun": args.multirun, "--config-path": args.config_path, "hydra's options": args.to_hydra}
    strange = [key for key in typed(overrides) if key not in allowed]
    strange += [option for option, given in options.items() if given]
    if strange:
        problem = f"{listed(strange, 'and')} beside it may change the results"
        raise ConfigError(Fault("again", Path(run) if run else "", problem, listed(f"{key}=..." for key in allowed)))


def _check_folder(text: str, run: Path) -> None:
    """Refuse a folder that is not that of a finished run."""

    def refusal(problem: str, accepted: str = _A_RUN) -> ConfigError:
        return ConfigError(Fault("again", Path(text) if text else "", problem, accepted))

    if not text or not run.is_dir():
        raise refusal("no such folder")
    if (run / "multirun.yaml").exists() and not (run / "config.yaml").exists():  # a run with shards has both
        raise refusal("is a multirun", f"the folder of one of its jobs, such as {run / '0'}")
    if not (run / "config.yaml").is_file():
        raise refusal("is no run (it has no config.yaml)")
    missing = [name for name in _FILES if not (run / name).is_file()]
    if missing:
        raise refusal(f"is unfinished (it has no {listed(missing)})")
    try:
        status = read_provenance(run).get("status")
        read_rows(run)
        is_readable = isinstance(yaml.safe_load((run / "config.yaml").read_text(encoding="utf-8")), dict)
    except (OSError, ValueError, KeyError, AttributeError, csv.Error, yaml.YAMLError):
        is_readable = False
    if not is_readable:
        raise refusal(f"is no run (its {', '.join(_FILES)} cannot be read)")
    if status != "finished":
        raise refusal(f"is unfinished (provenance.json says {status})")


def report(run: Path, new: Path) -> bool:
    """Compare two runs, write ``comparison.json`` into the new one and print it; return whether the results hold."""
    comparison = compare(run, new)
    records.results.write_json(new / "comparison.json", comparison.record())
    with printing():
        print(*comparison.lines(), sep="\n")
    return comparison.holds
