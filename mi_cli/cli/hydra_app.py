"""The call into Hydra: what it is given, and what becomes of its errors."""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

import hydra
from hydra._internal import hydra as hydra_module
from hydra._internal.hydra import Hydra

from mi_cli.cli.exits import FAILED, FINE
from mi_cli.compose.composer import Composer
from mi_cli.compose.hydra_state import own_hydra
from mi_cli.compose.loader import Loader
from mi_cli.console import printing
from mi_cli.errors import ConfigError
from mi_cli.schema.locations import PRIMARY, config_folder

__all__ = ["composer", "config_path", "run_hydra", "show"]


def config_path(args: argparse.Namespace) -> Path | None:
    """The folder that ``--config-path`` or ``resume=`` names; None for our own configs."""
    return Path(args.config_path) if args.config_path else None


def composer(args: argparse.Namespace) -> Composer:
    """What composes the configs that were asked for."""
    return Composer.of_folder(config_path(args), args.config_name)


def show(args: argparse.Namespace) -> int:
    """Let Hydra print what one of its own options asks for; return the exit code."""
    with printing():
        if not args.shell_completion:
            composer(args).setting("hydra.mode", args.overrides)  # refuses a config that names code
        return run_hydra(args, args.to_hydra, _no_job)
    return FINE  # the reader has closed its pipe


def _no_job(config: Any) -> NoReturn:
    """Hydra prints something, and calls no task."""
    raise AssertionError("Hydra has begun a job where it was to print something")


def run_hydra(args: argparse.Namespace, more: Sequence[str], task: Callable[[Any], int]) -> int:
    """Have Hydra run ``task`` with what was typed and ``more``; return Hydra's exit code.

    Raises:
        ConfigError: what Hydra, or a launcher, says is wrong; its cause is the error itself.
    """
    if "COMP_LINE" in os.environ:  # the words before the one that is completed, as ``arguments`` would read them
        os.environ["COMP_LINE"] = re.sub(r"(?<=\s)(?=(?:sweep|search\.space)\.\S*\s)", "++", os.environ["COMP_LINE"])
    path = [f"--config-path={args.config_path}"] if args.config_path else []
    flags = [*path, f"--config-name={args.config_name}", *(text for text in more if text.startswith("--"))]
    overrides = [*args.overrides, *(text for text in more if not text.startswith("--"))]
    try:
        with _command_line([*flags, *overrides]), own_hydra():
            hydra.main(version_base="1.3", config_path=str(config_folder()), config_name=PRIMARY)(task)()
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else FINE if end.code is None else FAILED
    except Exception as error:
        if isinstance(error, OSError) and error.errno and not error.filename:  # of standard output
            raise
        raise ConfigError(*composer(args).explain(error, overrides)) from error
    return FINE


@contextmanager
def _command_line(arguments: Sequence[str]) -> Iterator[None]:
    """Have Hydra read these arguments, raise its errors instead of printing them, and load configs as we do.

    Hydra would compose the whole config once more to look for a mode that no config may set: ``--multirun`` decides.
    """
    typed, full_error, get_mode = sys.argv, os.environ.get("HYDRA_FULL_ERROR"), Hydra.get_mode
    loader = vars(hydra_module)["ConfigLoaderImpl"]
    sys.argv = [typed[0], *arguments]
    os.environ["HYDRA_FULL_ERROR"] = "1"
    Hydra.get_mode = lambda *given, **more: None  # type: ignore[method-assign]
    vars(hydra_module)["ConfigLoaderImpl"] = Loader
    try:
        yield
    finally:
        vars(hydra_module)["ConfigLoaderImpl"] = loader
        Hydra.get_mode = get_mode  # type: ignore[method-assign]
        sys.argv = typed
        if full_error is None:
            del os.environ["HYDRA_FULL_ERROR"]
        else:
            os.environ["HYDRA_FULL_ERROR"] = full_error
