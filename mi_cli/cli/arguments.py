"""What was typed after ``mi-run``: its own options, Hydra's, and overrides."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from mi_cli import schema
from mi_cli.errors import ConfigError
from mi_cli.registry.plugins import as_choice
from mi_cli.schema.locations import PRIMARY

__all__ = ["arguments"]

_LAUNCHER = ("hydra/launcher", "hydra.launcher")
_COMPLETIONS = ("install=", "uninstall=", "query=")


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """Complain in one line."""
        raise ConfigError(f"{message}; see mi-run --help")


def arguments(argv: Sequence[str]) -> argparse.Namespace:
    """What was typed: Hydra's own options gathered in ``to_hydra``, axes ready to be added to any config."""
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
    """The folder of the run to go on with, whose config then is the one to run."""
    asked = [text for text in args.overrides if text.startswith("resume=")]
    if not asked:
        return None
    typed = asked[-1].removeprefix("resume=")
    folder = Path(typed).expanduser().absolute()
    if not typed or not (folder / f"{PRIMARY}.yaml").is_file():
        raise ConfigError(f"resume={typed}: is no run's folder; accepted: one with a {PRIMARY}.yaml and results in it")
    if args.config_path or args.multirun:
        raise ConfigError(f"resume={typed}: runs a config of its own; accepted: neither --config-path nor --multirun")
    args.overrides = [text for text in args.overrides if text not in asked]
    accepted = (*schema.changeable("resume"), *_LAUNCHER)
    for text in args.overrides:
        key = text.lstrip("+").partition("=")[0]
        if key not in accepted and not key.startswith("hydra.launcher."):
            raise ConfigError(f"{text}: cannot change a run that goes on; accepted: {', '.join(accepted)}")
    args.config_path = str(folder)
    return folder


def _config_path(typed: str, name: str) -> str:
    """The folder as Hydra takes it; a primary config that was named may lie in a folder of people's own."""
    folder = Path(typed).absolute()
    if typed and folder.is_dir() and (name != PRIMARY or (folder / f"{PRIMARY}.yaml").is_file()):
        return str(folder)
    fault = f"has no {PRIMARY}.yaml" if typed and folder.is_dir() else "no such folder"
    raise ConfigError(f"--config-path={typed}: {fault}; accepted: a folder with a {PRIMARY}.yaml, such as a run's")


def _to_hydra(args: argparse.Namespace) -> list[str]:
    """The options by which Hydra shows something instead of running anything."""
    shows = {
        "--cfg": args.cfg,
        "--info": args.info,
        "--shell-completion": args.shell_completion,
        "--hydra-help": args.hydra_help,
    }
    details = {"--resolve": args.resolve, "--package": args.package}
    asked = {name: value for name, value in shows.items() if value}
    if args.shell_completion and not any(text.startswith(_COMPLETIONS) for text in args.overrides):
        accepted = "install=, uninstall= or query= and bash, zsh or fish"
        raise ConfigError(f"--shell-completion: must be followed by {accepted}")
    if len(asked) + args.multirun > 1:
        raise ConfigError(f"{', '.join([*asked, *['--multirun'] * args.multirun])}: accepted: one of them")
    if not args.cfg and any(details.values()):
        raise ConfigError("--resolve, --package: accepted only with --cfg")
    asked |= {name: value for name, value in details.items() if value}
    return [name if value is True else f"{name}={value}" for name, value in asked.items()]


def _axis(text: str) -> str:
    """Axes, a search's space and ``trust`` work whether or not there is such a key yet, which Hydra spells ``++``."""
    new = ("sweep.", "sweep=", "search.space.", "search.space=", "trust=")
    return f"++{text}" if text.startswith(new) else text
