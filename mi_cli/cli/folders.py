"""The folders that a command makes for its runs."""

from __future__ import annotations

import argparse
from pathlib import Path

from mi_cli.cli.arguments import gives
from mi_cli.cli.hydra_app import config_path
from mi_cli.cli.invocation import Invocation
from mi_cli.compose.composer import Composer
from mi_cli.compose.resolve import Resolved
from mi_cli.compose.trust import check_root, is_trusted, typed
from mi_cli.errors import ConfigError, Fault
from mi_cli.files import expanded_path
from mi_cli.records.run_folder import NewFolder, claim_folder, new_folder

__all__ = ["folder_override", "make_folder", "make_run_folder", "typed_folder"]


def typed_folder(key: str, overrides: list[str], composer: Composer) -> str | None:
    """The folder that an override gives for ``key``, as Hydra reads it; None where none does."""
    if not any(gives(key, text) for text in overrides):
        return None
    return str(composer.setting(key, overrides) or "")


def make_run_folder(
    args: argparse.Namespace, invocation: Invocation, typed: str | None, resolved: Resolved
) -> NewFolder:
    """The folder of the run that is resumed, or else a new one."""
    if args.resume:
        return NewFolder(args.resume, None)
    return make_folder(
        args, invocation, "hydra.run.dir", typed, resolved, name=resolved.values["name"], first="run.log"
    )


def make_folder(
    args: argparse.Namespace,
    invocation: Invocation,
    key: str,
    folder: str | None,
    resolved: Resolved,
    *,
    name: str,
    first: str,
) -> NewFolder:
    """Make the folder that was typed for ``key``, or a new one in the output root.

    Args:
        args: the command line.
        invocation: keeps what is made.
        key: Hydra's setting of the folder.
        folder: what was typed for it, if anything.
        resolved: says where the output root is.
        name: of the folder in the output root that the new one is in.
        first: the first file that is written to the folder.

    Raises:
        ConfigError: the folder holds files already, cannot be made, or lies where no config may lead.
    """
    if folder is not None:
        if not folder.strip():
            raise ConfigError(Fault(key, folder, accepted="a folder, new or empty"))
        made = claim_folder(expanded_path(folder).absolute(), key, folder, first)
    else:
        root = resolved.values["output_root"]
        if not is_trusted(args.overrides) and "output_root" not in typed(args.overrides):
            check_root(root, name, config_path(args))
        made = new_folder(expanded_path(root).absolute() / name, "output_root", root)
    invocation.folders.append(made)
    return made


def folder_override(key: str, path: Path) -> str:
    """An override that gives a folder, by Hydra's grammar, whatever characters its path has."""
    text = str(path).replace("'", "\\'")
    return f"{key}='{text}'"
