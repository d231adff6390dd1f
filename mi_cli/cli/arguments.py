"""What was typed after ``mi-run``: its own options, Hydra's, and overrides."""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from mi_cli import schema
from mi_cli.errors import ABSENT, ConfigError, Fault
from mi_cli.files import expanded_path
from mi_cli.registry.plugins import as_choice
from mi_cli.schema.locations import PRIMARY

__all__ = ["arguments", "gives"]

_LAUNCHER = ("hydra/launcher", "hydra.launcher")
_COMPLETIONS = ("install=", "uninstall=", "query=")


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """Refuse a command line in one line."""
        option = re.search(r"unrecognized arguments: --?([a-z_][\w.]*)(?:=(\S+))?$", message)
        is_setting = option is not None and option[1].partition(".")[0] in ("experiment", *schema.Config.model_fields)
        meant = f"use {option[1]}={option[2] or '...'}" if option and is_setting else "see mi-run --help"
        raise ConfigError(Fault("", problem=f"{message}; {meant}"))


def arguments(argv: Sequence[str]) -> argparse.Namespace:
    """Read a command line.

    ``to_hydra`` has the options by which Hydra shows something, and ``resume`` the folder of a run to go on with. Axes
    are spelled such that they can be added to any config.

    Raises:
        ConfigError: the options are unknown or do not go together.
    """
    parser = _Parser(prog="mi-run", add_help=False, allow_abbrev=False)
    for names in (("--help", "-h"), ("--version",), ("--multirun", "-m"), ("--run", "-r")):
        parser.add_argument(*names, action="store_true")
    for names in (
        ("--config-dir", "-cd"),
        ("--config-path", "-cp"),
        ("--config-name", "-cn"),
        ("--package", "-p"),
    ):
        parser.add_argument(*names)
    for names in (("--shell-completion", "-sc"), ("--hydra-help",), ("--resolve",)):
        parser.add_argument(*names, action="store_true")
    parser.add_argument("--cfg", "-c", choices=["job", "hydra", "all"])
    infos = ["all", "config", "defaults", "defaults-tree", "plugins", "searchpath"]
    parser.add_argument("--info", "-i", nargs="?", const="all", choices=infos)
    parser.add_argument("overrides", nargs="*")
    args = parser.parse_intermixed_args(list(argv))
    args.resume = _resumed(args)
    args.overrides = [_axis(text if args.config_path else as_choice(text)) for text in args.overrides]
    args.to_hydra = _to_hydra(args)
    args.config_name = args.config_name or PRIMARY
    if args.config_path is not None:
        args.config_path = _config_path(args.config_path, args.config_name)
    return args


def _resumed(args: argparse.Namespace) -> Path | None:
    """The folder of the run to go on with; its config is the one to run."""
    given = [text for text in args.overrides if text.startswith("resume=")]
    if not given:
        return None
    typed = given[-1].removeprefix("resume=")
    folder = expanded_path(typed).absolute()
    if not typed or not (folder / f"{PRIMARY}.yaml").is_file():
        accepted = f"a folder with a {PRIMARY}.yaml and results, such as outputs/<name>/<date>_<time>_<id>"
        raise ConfigError(Fault("resume", Path(typed) if typed else "", "is not the folder of a run", accepted))
    if args.config_path or args.multirun:
        accepted = "neither --config-path nor --multirun"
        raise ConfigError(Fault("resume", Path(typed), "has a config of its own", accepted))
    args.overrides = [text for text in args.overrides if text not in given]
    changeable = (*schema.changeable("resume"), *_LAUNCHER)
    for text in args.overrides:
        key = text.lstrip("+").partition("=")[0]
        if key not in changeable and not key.startswith("hydra.launcher."):
            value = text.partition("=")[2] if "=" in text else ABSENT
            raise ConfigError(Fault(key, value, "cannot change a run that goes on", ", ".join(changeable)))
    args.config_path = str(folder)
    return folder


def _config_path(typed: str, name: str) -> str:
    """The absolute path of the folder, which must have the primary config, unless ``--config-name`` names another."""
    folder = Path(typed).absolute()
    if typed and folder.is_dir() and (name != PRIMARY or (folder / f"{PRIMARY}.yaml").is_file()):
        return str(folder)
    problem = f"has no {PRIMARY}.yaml" if typed and folder.is_dir() else "no such folder"
    accepted = f"a folder with a {PRIMARY}.yaml, such as a run's"
    raise ConfigError(Fault("--config-path", Path(typed) if typed else "", problem, accepted))


def _to_hydra(args: argparse.Namespace) -> list[str]:
    """The options by which Hydra shows something instead of running anything."""
    shows = {
        "--cfg": args.cfg,
        "--info": args.info,
        "--shell-completion": args.shell_completion,
        "--hydra-help": args.hydra_help,
    }
    details = {"--resolve": args.resolve, "--package": args.package}
    given = {name: value for name, value in shows.items() if value}
    if args.shell_completion and not any(text.startswith(_COMPLETIONS) for text in args.overrides):
        accepted = "install=, uninstall= or query= and bash, zsh or fish"
        raise ConfigError(Fault("--shell-completion", problem=f"must be followed by {accepted}"))
    if len(given) + args.multirun > 1:
        options = ", ".join([*given, *["--multirun"] * args.multirun])
        raise ConfigError(Fault(options, problem="do not go together", accepted="one of them"))
    if not args.cfg and any(details.values()):
        raise ConfigError(Fault("--resolve, --package", problem="accepted only with --cfg"))
    given |= {name: value for name, value in details.items() if value}
    return [name if value is True else f"{name}={value}" for name, value in given.items()]


def _axis(text: str) -> str:
    """An override as Hydra takes it: ``++`` before axes, a search's space and ``trust``, whose keys may be new."""
    new = ("sweep.", "sweep=", "search.space.", "search.space=", "trust=")
    return f"++{text}" if text.startswith(new) else text


def gives(key: str, override: str) -> bool:
    """Whether an override gives the value of ``key``."""
    return override.lstrip("+").startswith(f"{key}=")
