"""The command ``mi-run``: its options, its exit codes, and what Hydra calls for each run."""

from __future__ import annotations

import argparse
import atexit
import dataclasses
import functools
import importlib
import os
import re
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from mi_cli import __version__
from mi_cli.arguments import PRIMARY, arguments
from mi_cli.faults import ConfigError
from mi_cli.folders import (
    OWN_CONFIGS,
    OWN_LAYOUT,
    NewFolder,
    config_folder,
    given_folder,
    is_locked,
    locked,
    new_folder,
    own_config_folders,
)
from mi_cli.launching import (
    BAD_INPUT,
    FAILED,
    FAILURES,
    FINE,
    INTERRUPTED,
    TERMINATED,
    TOO_EARLY,
    LostJobs,
    Reported,
    Terminated,
    begun,
    complain,
    end_at_once,
    ending_with_us,
    job,
    made,
    on_interrupt,
    over,
    shown_from_here,
    start,
)
from mi_cli.output import OutputError, printing

if TYPE_CHECKING:
    from mi_cli.resolve import Resolved

__all__ = ["command", "main"]

_STARTED = time.time()
_BASIC = "hydra._internal.core_plugins.basic_"


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
        if argv is None and "mi_cli.forking" in sys.modules:  # whose output whoever reads ours would wait for
            sys.modules["mi_cli.forking"].end()
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
            from mi_cli.overview import overview

            with printing():
                print(overview())
        elif any(_sets("again", text) for text in args.overrides):
            return _again(args, started)
        elif args.to_hydra:
            from mi_cli.composition import composing, setting

            with printing(), composing(_config_path(args)):
                if not args.shell_completion:
                    setting("hydra.mode", args.overrides, args.config_name)  # which refuses what is more than data
            with printing():
                return _hydra(args, args.to_hydra, job)
        elif args.multirun or "hydra.mode=MULTIRUN" in args.overrides:
            return _multirun(args)
        elif any(_sets("shards", text) for text in args.overrides):
            return _sharded(args, started)
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


def _config_path(args: argparse.Namespace) -> Path | None:
    return Path(args.config_path) if args.config_path else None


def _run(args: argparse.Namespace, started: float) -> int:
    """One run, in a folder of its own."""
    from mi_cli.composition import composing, setting
    from mi_cli.resolve import check_device, resolve

    _fork_early(args.overrides)
    with composing(_config_path(args)):
        resolved = resolve(args.overrides, config_name=args.config_name)
        check_device(resolved.values["device"])
        if resolved.values["plan"]:
            return _plan(resolved)
        asked = any(_sets("hydra.run.dir", text) for text in args.overrides)
        asked_for = str(setting("hydra.run.dir", args.overrides, args.config_name) or "") if asked else None
    if args.resume:
        folder = NewFolder(args.resume, None)
    else:
        folder = _folder(args, "hydra.run.dir", asked_for, resolved, resolved.values["name"], "run.log")
    codes: list[int] = []

    @functools.wraps(job)
    def task(config: Any) -> int:
        codes.append(start(resolved, started, resume=args.resume is not None))
        return codes[0]

    try:
        _hydra(args, [_quoted("hydra.run.dir", folder.path)], task)
    finally:
        folder.discard_if_empty()
    return codes[0] if codes else FAILED


def _again(args: argparse.Namespace, started: float) -> int:
    """A finished run once more, from its own config, and whether its results are the same."""
    from mi_cli.again import earlier, report

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
    from mi_cli import forking

    if forking.AVAILABLE and not {text.partition("=")[0] for text in overrides} & {"plan", "device", "threads"}:
        forking.context()


def _multirun(args: argparse.Namespace) -> int:
    """A run for each job that Hydra's sweeper makes, all of them checked before anything is made."""
    from mi_cli.composition import composing, setting

    with composing(_config_path(args)):
        launcher = _launcher(args, args.overrides)
        jobs = _jobs(args, launcher)
        if jobs[0].values["plan"]:
            return max(_plan(resolved, f"# {index}: ") for index, resolved in enumerate(jobs))
        asked = [text for text in args.overrides if _sets("hydra.sweep.dir", text)]
        asked_for = str(setting("hydra.sweep.dir", asked, args.config_name) or "") if asked else None
    folder = _folder(args, "hydra.sweep.dir", asked_for, jobs[0], "multirun", "multirun.yaml")
    try:
        with ending_with_us(folder.path, launcher, resumed=False):
            all_came_back = _launch(args, [_quoted("hydra.sweep.dir", folder.path)], folder.path)
        if over.is_set():
            raise Terminated
    finally:
        folder.discard_if_empty()
    failures = folder.path / FAILURES
    with printing():
        print(f"mi-run: every job has a folder in {shown_from_here(folder.path)}")
    if failures.exists():
        print(f"mi-run: jobs failed, or have failed trials: see {shown_from_here(failures)}", file=sys.stderr)
    return FAILED if failures.exists() or not all_came_back else FINE


def _launch(args: argparse.Namespace, more: Sequence[str], jobs: Path) -> bool:
    """Have a launcher run jobs, whose folders will be in ``jobs``; whether all of them came back."""
    try:
        _hydra(args, ["--multirun", *more], job, jobs)
    except LostJobs as lost:
        going_on = [path for path in jobs.glob("*") if is_locked(path)]
        waits = f"; waiting for {', '.join(path.name for path in going_on)}" if going_on else ""
        print(f"mi-run: {lost}{waits}", file=sys.stderr)
        while any(map(is_locked, going_on)):
            time.sleep(0.2)
        return False
    return True


def _sharded(args: argparse.Namespace, started: float) -> int:
    """A run whose trials are cut into jobs for a launcher, and what these leave collected, whatever became of them."""
    from mi_cli import shards
    from mi_cli.composition import composing, setting
    from mi_cli.resolve import resolve

    with composing(_config_path(args)):
        resolved = resolve(args.overrides, config_name=args.config_name)
        if resolved.values["plan"]:
            return _plan(resolved)
        number = shards.number(resolved.values)
        launcher = _launcher(args, args.overrides)
        asked = any(_sets("hydra.run.dir", text) for text in args.overrides)
        asked_for = str(setting("hydra.run.dir", args.overrides, args.config_name) or "") if asked else None
    if args.resume:
        folder = NewFolder(args.resume, None)
    else:
        folder = _folder(args, "hydra.run.dir", asked_for, resolved, resolved.values["name"], "run.log")
    whole = dataclasses.replace(resolved, values=resolved.values | {"shards": 1})
    codes: list[int] = []

    @functools.wraps(job)
    def collect(config: Any) -> int:
        codes.append(start(whole, started, collect=True))
        return codes[0]

    typed = [text for text in args.overrides if not _sets("shards", text) and not _sets("hydra.run.dir", text)]
    only = argparse.Namespace(**(vars(args) | {"overrides": typed}))
    try:
        if not args.resume:
            shards.prepare(folder.path, whole)
        cut = [f"++shards={number}", f"++shard={','.join(map(str, range(number)))}"]
        place = [_quoted("hydra.sweep.dir", folder.path), shards.subfolder(folder.path, number)]
        with locked(folder.path), ending_with_us(folder.path, launcher, resumed=True):
            _launch(only, [*cut, *place], folder.path / shards.FOLDER)
        if over.is_set():
            raise Terminated
        only.overrides = [text for text in typed if not text.startswith(("hydra/launcher", "hydra.launcher"))]
        _hydra(only, [_quoted("hydra.run.dir", folder.path)], collect)
    finally:
        folder.discard_if_empty()
    return codes[0] if codes else FAILED


def _launcher(args: argparse.Namespace, overrides: Sequence[str]) -> str:
    """The class of what starts jobs."""
    from mi_cli.composition import parse, setting

    plain = [o.input_line or "" for o in parse(overrides) if not o.is_sweep_override()]
    return str(setting("hydra.launcher", plain, args.config_name)["_target_"])


def _jobs(args: argparse.Namespace, launcher: str) -> list[Resolved]:
    """The jobs of a multirun, resolved; of a sweeper that searches, the config it starts from."""
    from hydra._internal.core_plugins.basic_sweeper import BasicSweeper

    from mi_cli.composition import parse, setting
    from mi_cli.resolve import check_device, resolve

    parsed = parse(args.overrides)
    plain = [o.input_line or "" for o in parsed if not o.is_sweep_override()]
    sweeper = setting("hydra.sweeper", plain, args.config_name)
    jobs = [plain]
    if sweeper["_target_"].startswith(_BASIC):
        swept = [f"{key}={value}" for key, value in (sweeper.get("params") or {}).items()]
        task = parse([*swept, *(o.input_line or "" for o in parsed if not o.is_hydra_override())])
        hydra_part = [o.input_line or "" for o in parsed if o.is_hydra_override()]
        for override in task:
            if override.is_sweep_override() and not override.is_discrete_sweep():
                raise ConfigError(f"{override.input_line}: needs a sweeper that searches; accepted: values, range()")
            if override.is_sweep_override() and not list(override.sweep_string_iterator()):
                raise ConfigError(f"{override.input_line}: has no values; accepted: at least one")
        jobs = [[*hydra_part, *job] for job in BasicSweeper.split_arguments(task, None)[0]]
    resolved: list[Resolved] = []
    faults: list[str] = []
    for overrides in jobs:
        try:
            resolved.append(resolve(overrides, config_name=args.config_name))
            if launcher.startswith(_BASIC):
                check_device(resolved[-1].values["device"])
        except ConfigError as error:
            faults += error.lines
    if faults:
        raise ConfigError(*dict.fromkeys(faults))
    return resolved


def _plan(resolved: Resolved, heading: str = "") -> int:
    runner = importlib.import_module("mi_cli.runner")
    for notice in resolved.notices:
        print(f"mi-run: {notice}", file=sys.stderr)
    with printing():
        if heading:
            print(heading + " ".join(resolved.overrides))
        runner.plan(resolved.values)
    return FINE


def _hydra(args: argparse.Namespace, more: Sequence[str], task: Callable[[Any], int], jobs: Path | None = None) -> int:
    """Let Hydra do what was typed and ``more``; it raises its errors, as ``HYDRA_FULL_ERROR`` asks for.

    Raises:
        ConfigError: what Hydra says of the config.
        LostJobs: what a launcher says of jobs, one of whose folders is in ``jobs`` already.
    """
    import hydra

    from mi_cli.composition import composing, explain

    if "COMP_LINE" in os.environ:  # the words before the one that is being completed, as they are read here
        os.environ["COMP_LINE"] = re.sub(r"(?<=\s)(?=(?:sweep|search\.space)\.\S*\s)", "++", os.environ["COMP_LINE"])
    typed, full_error = sys.argv, os.environ.get("HYDRA_FULL_ERROR")
    path = [f"--config-path={args.config_path}"] if args.config_path else []
    flags = [*path, f"--config-name={args.config_name}", *(text for text in more if text.startswith("--"))]
    overrides = [*args.overrides, *(text for text in more if not text.startswith("--"))]
    sys.argv = [typed[0], *flags, *overrides]
    os.environ["HYDRA_FULL_ERROR"] = "1"
    try:
        hydra.main(version_base="1.3", config_path=str(config_folder()), config_name=PRIMARY)(task)()
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else FINE if end.code is None else FAILED
    except Exception as error:
        if isinstance(error, OSError) and error.errno and not error.filename:  # standard output's
            raise
        if jobs is not None and any(path.is_dir() and path.name[0] != "." for path in jobs.glob("*")):
            raise LostJobs(error) from None
        with composing(_config_path(args)):
            raise ConfigError(explain(error, overrides, args.config_name)) from None
    finally:
        sys.argv = typed
        if full_error is None:
            del os.environ["HYDRA_FULL_ERROR"]
        else:
            os.environ["HYDRA_FULL_ERROR"] = full_error
    return FINE


def _folder(
    args: argparse.Namespace, key: str, asked_for: str | None, resolved: Resolved, name: str, first: str
) -> NewFolder:
    """The folder that was asked for, which ``first`` is written to, or a new one in the output root."""
    from mi_cli.trust import check_root, is_trusted, typed

    if asked_for is not None:
        if not asked_for.strip():
            raise ConfigError(f"{key}={asked_for}: must be a folder, new or empty")
        folder = given_folder(Path(asked_for).expanduser().absolute(), f"{key}={asked_for}", first)
    else:
        root = resolved.values["output_root"]
        if not is_trusted(args.overrides) and "output_root" not in typed(args.overrides):
            check_root(root, name, _config_path(args))
        folder = new_folder(Path(root).expanduser().absolute() / name, f"output_root={root}")
    made.append(folder)
    return folder


def _sets(key: str, override: str) -> bool:
    return override.lstrip("+").startswith(f"{key}=")


def _quoted(key: str, path: Path) -> str:
    """An override by Hydra's grammar, whatever characters the path has."""
    text = str(path).replace("'", "\\'")
    return f"{key}='{text}'"
