"""What a command hands to Hydra, and the folders that it makes for it."""

from __future__ import annotations

import argparse
import importlib
import os
import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mi_cli.cli.job import FAILED, FINE, made
from mi_cli.console import printing
from mi_cli.errors import ConfigError
from mi_cli.records.run_folder import NewFolder, claim_folder, new_folder
from mi_cli.schema.locations import PRIMARY, config_folder

if TYPE_CHECKING:
    from mi_cli.compose.resolve import Resolved

__all__ = ["asked_for", "config_path", "folder", "hydra", "plan", "quoted", "run_folder", "sets"]


def config_path(args: argparse.Namespace) -> Path | None:
    """The folder of a saved config that is to run, or of somebody's own."""
    return Path(args.config_path) if args.config_path else None


def plan(resolved: Resolved, heading: str = "") -> int:
    """Print what would be run; the exit code."""
    plans = importlib.import_module("mi_cli.runs.plan")
    for notice in resolved.notices:
        print(f"mi-run: {notice}", file=sys.stderr)
    with printing():
        if heading:
            print(heading + " ".join(resolved.overrides))
        plans.plan(resolved.expansion)
    return FINE


def hydra(args: argparse.Namespace, more: Sequence[str], task: Callable[[Any], int]) -> int:
    """Let Hydra do what was typed and ``more``; it raises its errors, as ``HYDRA_FULL_ERROR`` asks for.

    Raises:
        ConfigError: what Hydra, or a launcher, says; its cause is the error itself.
    """
    import hydra as library

    from mi_cli.compose.compose import composing, explain

    if "COMP_LINE" in os.environ:  # the words before the one that is being completed, as they are read here
        os.environ["COMP_LINE"] = re.sub(r"(?<=\s)(?=(?:sweep|search\.space)\.\S*\s)", "++", os.environ["COMP_LINE"])
    typed, full_error = sys.argv, os.environ.get("HYDRA_FULL_ERROR")
    path = [f"--config-path={args.config_path}"] if args.config_path else []
    flags = [*path, f"--config-name={args.config_name}", *(text for text in more if text.startswith("--"))]
    overrides = [*args.overrides, *(text for text in more if not text.startswith("--"))]
    sys.argv = [typed[0], *flags, *overrides]
    os.environ["HYDRA_FULL_ERROR"] = "1"
    try:
        library.main(version_base="1.3", config_path=str(config_folder()), config_name=PRIMARY)(task)()
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else FINE if end.code is None else FAILED
    except Exception as error:
        if isinstance(error, OSError) and error.errno and not error.filename:  # standard output's
            raise
        with composing(config_path(args)):
            raise ConfigError(explain(error, overrides, args.config_name)) from error
    finally:
        sys.argv = typed
        if full_error is None:
            del os.environ["HYDRA_FULL_ERROR"]
        else:
            os.environ["HYDRA_FULL_ERROR"] = full_error
    return FINE


def asked_for(key: str, overrides: Sequence[str], config_name: str) -> str | None:
    """The folder that was typed for ``key``, as Hydra understands it beside ``overrides``, if there is one."""
    from mi_cli.compose.compose import setting

    return str(setting(key, overrides, config_name) or "") if any(sets(key, text) for text in overrides) else None


def run_folder(args: argparse.Namespace, asked: str | None, resolved: Resolved) -> NewFolder:
    """Where a run goes: on where it was, or to a folder of its own."""
    if args.resume:
        return NewFolder(args.resume, None)
    return folder(args, "hydra.run.dir", asked, resolved, resolved.values["name"], "run.log")


def folder(
    args: argparse.Namespace, key: str, asked: str | None, resolved: Resolved, name: str, first: str
) -> NewFolder:
    """The folder that was asked for, which ``first`` is written to, or a new one in the output root."""
    from mi_cli.compose.trust import check_root, is_trusted, typed

    if asked is not None:
        if not asked.strip():
            raise ConfigError(f"{key}={asked}: must be a folder, new or empty")
        found = claim_folder(Path(asked).expanduser().absolute(), key, asked, first)
    else:
        root = resolved.values["output_root"]
        if not is_trusted(args.overrides) and "output_root" not in typed(args.overrides):
            check_root(root, name, config_path(args))
        found = new_folder(Path(root).expanduser().absolute() / name, "output_root", root)
    made.append(found)
    return found


def sets(key: str, override: str) -> bool:
    """Whether an override gives the value of ``key``."""
    return override.lstrip("+").startswith(f"{key}=")


def quoted(key: str, path: Path) -> str:
    """An override by Hydra's grammar, whatever characters the path has."""
    text = str(path).replace("'", "\\'")
    return f"{key}='{text}'"
