"""The command ``mi-run``: its options, its exit codes, and what Hydra calls for each run."""

from __future__ import annotations

import argparse
import atexit
import functools
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

from mi_cli._version import __version__
from mi_cli.cli import hydra_app, multirun
from mi_cli.cli.arguments import arguments
from mi_cli.cli.job import (
    BAD_INPUT,
    FAILED,
    FINE,
    INTERRUPTED,
    TERMINATED,
    TOO_EARLY,
    Reported,
    Terminated,
    begun,
    complain,
    end_at_once,
    job,
    made,
    on_interrupt,
    over,
    start,
)
from mi_cli.console import printing
from mi_cli.errors import ConfigError, OutputError
from mi_cli.schema.locations import OWN_CONFIGS, OWN_LAYOUT, own_config_folders

__all__ = ["command", "main"]

_STARTED = time.time()


def command() -> NoReturn:
    """``mi-run``: :func:`main` of what was typed, and the end of the process.

    Where torch is loaded, taking its modules down one by one would take half a second, for nothing.
    """
    code = main()
    if "torch" in sys.modules:
        threading._shutdown()  # type: ignore[attr-defined]  # the order of Python's own end
        atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    sys.exit(code)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line ``argv`` (``sys.argv`` unless given) and return its exit code.

    0: fine; 1: a trial failed or diverged, or an unexpected error; 2: bad input; 130: interrupted.
    """
    started = _STARTED if argv is None else time.time()
    begun.clear()
    over.clear()
    if argv is None:
        on_interrupt(signal.default_int_handler, end_at_once)
    try:
        return _main(arguments(sys.argv[1:] if argv is None else argv), started)
    except ConfigError as error:
        if argv is None and "mi_cli.runs.forkserver" in sys.modules:  # whose output whoever reads ours would wait for
            sys.modules["mi_cli.runs.forkserver"].end()
        return complain(error)
    except KeyboardInterrupt as error:
        if not isinstance(error, Reported):
            sys.stderr.write("mi-run: interrupted\n" if begun.is_set() else TOO_EARLY)
        return TERMINATED if isinstance(error, Terminated) else INTERRUPTED
    except OutputError as error:
        return complain(error, FAILED)


def _main(args: argparse.Namespace, started: float) -> int:
    with _own_configs(args.config_dir):
        if args.version:
            with printing():
                print(f"mi-run {__version__}")
        elif args.help or not (args.overrides or args.to_hydra or args.multirun or args.config_path):
            from mi_cli.cli.help import overview

            with printing():
                print(overview())
        elif any(hydra_app.sets("again", text) for text in args.overrides):
            return _again(args, started)
        elif args.to_hydra:
            from mi_cli.compose.compose import composing, setting

            with printing(), composing(hydra_app.config_path(args)):
                if not args.shell_completion:
                    setting("hydra.mode", args.overrides, args.config_name)  # which refuses what is more than data
            with printing():
                return hydra_app.hydra(args, args.to_hydra, job)
        elif args.multirun or "hydra.mode=MULTIRUN" in args.overrides:
            return multirun.multirun(args)
        elif any(hydra_app.sets("shards", text) for text in args.overrides):
            return multirun.sharded(args, started)
        else:
            return _run(args, started)
    return FINE


@contextmanager
def _own_configs(config_dir: str | None) -> Iterator[None]:
    """Let ``--config-dir`` take the way of ``MI_CONFIG_PATH``, which jobs in other processes take too."""
    before = os.environ.get(OWN_CONFIGS)
    if config_dir is not None:
        if not Path(config_dir).is_dir():
            raise ConfigError(f"--config-dir={config_dir}: no such folder; accepted: {OWN_LAYOUT}")
        os.environ[OWN_CONFIGS] = os.pathsep.join(filter(None, [str(Path(config_dir).absolute()), before]))
    try:
        own_config_folders()
        yield
    finally:
        if before is None:
            os.environ.pop(OWN_CONFIGS, None)
        else:
            os.environ[OWN_CONFIGS] = before


def _run(args: argparse.Namespace, started: float) -> int:
    """One run, in a folder of its own."""
    from mi_cli.compose.compose import composing
    from mi_cli.compose.resolve import resolve
    from mi_cli.runs.hardware import check_device

    _fork_early(args.overrides)
    with composing(hydra_app.config_path(args)):
        resolved = resolve(args.overrides, config_name=args.config_name)
        check_device(resolved.values["device"])
        if resolved.values["plan"]:
            return hydra_app.plan(resolved)
        asked = hydra_app.asked_for("hydra.run.dir", args.overrides, args.config_name)
    folder = hydra_app.run_folder(args, asked, resolved)
    codes: list[int] = []

    @functools.wraps(job)
    def task(config: Any) -> int:
        codes.append(start(resolved, started, resume=args.resume is not None))
        return codes[0]

    try:
        hydra_app.hydra(args, [hydra_app.quoted("hydra.run.dir", folder.path)], task)
    finally:
        folder.discard_if_empty()
    return codes[0] if codes else FAILED


def _again(args: argparse.Namespace, started: float) -> int:
    """A finished run once more, from its own config, and whether its results are the same."""
    from mi_cli.cli.reproduce import earlier, report

    run, args.overrides = earlier(args)
    args.config_path = str(run.absolute())
    code = _run(args, started)
    new = made[-1].path
    if code == BAD_INPUT or not (new / "provenance.json").exists():
        return code
    with printing():
        return FINE if report(run, new) else FAILED


def _fork_early(overrides: Sequence[str]) -> None:
    """Have the workers' imports begin beside composing, where nothing typed says that there will be no workers."""
    from mi_cli.runs import forkserver

    if forkserver.AVAILABLE and not {text.partition("=")[0] for text in overrides} & {"plan", "device", "threads"}:
        forkserver.context()
