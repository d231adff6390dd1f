"""The command ``mi-run``: which command line does what, and its exit codes."""

from __future__ import annotations

import argparse
import atexit
import gc
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

from mi_cli import cli, execution
from mi_cli._version import __version__
from mi_cli.cli.arguments import arguments, gives
from mi_cli.cli.exits import (
    BAD_INPUT,
    FAILED,
    FINE,
    INTERRUPTED,
    TERMINATED,
    TOO_EARLY,
    ReportedInterrupt,
    Terminated,
    print_error,
)
from mi_cli.cli.help import overview
from mi_cli.cli.invocation import Invocation
from mi_cli.cli.misplaced_words import refuse_misplaced
from mi_cli.cli.short_commands import SHORT, expanded, help_of, is_table
from mi_cli.cli.signals import replace_interrupt_handler
from mi_cli.console import printing
from mi_cli.errors import ConfigError, Fault, OutputError
from mi_cli.schema.locations import OWN_CONFIGS, OWN_LAYOUT, own_config_folders

__all__ = ["command", "main"]

_STARTED = time.time()


def command() -> NoReturn:
    """Run :func:`main` on what was typed, and end the process.

    Where torch is loaded, the process ends without taking its modules down one by one, which takes half a second.
    """
    gc.set_threshold(20_000, 10, 10)  # little of what is imported and expanded is garbage
    code = main()
    if "torch" in sys.modules:
        threading._shutdown()  # type: ignore[attr-defined]  # the order of Python's own end
        atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
        if "multiprocessing.forkserver" in sys.modules:
            execution.forkserver.end()  # it would take as long, and hold this process's output open meanwhile
        os._exit(code)
    sys.exit(code)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line ``argv`` (``sys.argv`` unless given) and return its exit code.

    The code is 0 where all is fine, 1 where a trial failed or diverged or an error was not expected, 2 for bad input,
    130 after Ctrl-C and 143 after SIGTERM.
    """
    invocation = Invocation(_STARTED if argv is None else time.time())
    if argv is None:
        replace_interrupt_handler(signal.default_int_handler, invocation.end_at_once)
    try:
        typed = list(sys.argv[1:] if argv is None else argv)
        if typed[:1] and typed[0] in SHORT and {"--help", "-h"} & set(typed):
            with printing():
                print(help_of(typed[0]))
            return FINE
        if typed[:1] == ["compare"] and {"--help", "-h"} & set(typed):
            with printing():
                print(cli.compare_command.help_text())
            return FINE
        words = expanded(typed, invocation.standard_input)
        refuse_misplaced(words)
        code = _main(arguments(words), invocation)
        if code == BAD_INPUT:
            invocation.discard_input()
        return code
    except ConfigError as error:
        if argv is None:
            invocation.end_fork_server()
        invocation.discard_input()
        return print_error(error)
    except KeyboardInterrupt as error:
        if not isinstance(error, ReportedInterrupt):
            sys.stderr.write("mi-run: interrupted\n" if invocation.run_begun else TOO_EARLY)
        return TERMINATED if isinstance(error, Terminated) else INTERRUPTED
    except OutputError as error:
        return print_error(error, FAILED)


def _main(args: argparse.Namespace, invocation: Invocation) -> int:
    """Do what the arguments ask for."""
    with _own_configs(args.config_dir):
        if args.version:
            with printing():
                print(f"mi-run {__version__}")
            return FINE
        if args.help or not (args.overrides or args.to_hydra or args.multirun or args.config_path):
            with printing():
                print(overview())
            return FINE
        if (code := _other_command(args.overrides, invocation)) is not None:
            return code
        if any(gives("again", text) for text in args.overrides):
            return cli.reproduce.reproduce(args, invocation)
        if args.to_hydra:
            return cli.hydra_app.show(args)
        if args.multirun or "hydra.mode=MULTIRUN" in args.overrides:
            return cli.multirun.multirun(args, invocation)
        if any(gives("shards", text) for text in args.overrides):
            return cli.sharded.sharded(args, invocation)
        invocation.start_fork_server_early(args.overrides)
        return cli.single_run.single_run(args, invocation)


def _other_command(words: Sequence[str], invocation: Invocation) -> int | None:
    """Do what a command other than a run asks for; return its exit code, or None where there is no such command."""
    first, rest = (words[0], words[1:]) if words else ("", ())
    if first == "list" and not rest:
        with printing():
            print(overview())
        return FINE
    if first == "schema" and not rest:
        return cli.schema_command.print_schema()
    if first in ("encode", "score"):
        with invocation.running():
            return (cli.encode_command.encode if first == "encode" else cli.score_command.score)(rest)
    if first == "compare":
        return cli.compare_command.compare(rest)
    if first == "show":
        return cli.show_command.show(rest)
    if first == "open":
        return cli.show_command.open_report(rest)
    if words and all(map(is_table, words)):
        return cli.describe_command.describe(invocation.standard_input.paths(words))
    return None


@contextmanager
def _own_configs(config_dir: str | None) -> Iterator[None]:
    """Add the folder of ``--config-dir`` to ``MI_CONFIG_PATH``, which jobs in other processes read as well."""
    before = os.environ.get(OWN_CONFIGS)
    if config_dir is not None:
        if not Path(config_dir).is_dir():
            raise ConfigError(Fault("--config-dir", config_dir, "no such folder", OWN_LAYOUT))
        os.environ[OWN_CONFIGS] = os.pathsep.join(filter(None, [str(Path(config_dir).absolute()), before]))
    try:
        own_config_folders()
        yield
    finally:
        if before is None:
            os.environ.pop(OWN_CONFIGS, None)
        else:
            os.environ[OWN_CONFIGS] = before
