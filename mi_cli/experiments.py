"""``mi_cli.run``: an experiment from Python, as ``mi-run`` runs it from a shell."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from mi_cli import execution
from mi_cli.cli.arguments import arguments
from mi_cli.cli.folders import make_run_folder, typed_folder
from mi_cli.cli.hydra_app import composer
from mi_cli.cli.invocation import Invocation
from mi_cli.cli.single_run import is_completed
from mi_cli.compose.overrides import as_overrides, as_text
from mi_cli.compose.resolve import resolve
from mi_cli.console import shown_from_here
from mi_cli.errors import ConfigError, Fault
from mi_cli.execution.hardware import check_device
from mi_cli.report.publish import Publisher
from mi_cli.report.runs import Run
from mi_cli.terminal import messages

__all__ = ["run"]

_RUNNABLE = "a name that mi-run lists, or settings that describe an experiment"
_OF_THE_COMMAND = {  # settings that mean something else than one run in this process
    "plan": "is for the command, which prints what would run",
    "shards": "is for the command, which starts jobs of a launcher",
    "again": "is for the command, which compares a run with its repetition",
}


def run(
    experiment: str | None = None,
    settings: Mapping[str, Any] | None = None,
    *,
    folder: str | Path | None = None,
    resume: str | Path | None = None,
    progress: Literal["auto", "bar", "lines", "none"] = "auto",
    **more: Any,
) -> Run:
    """Run an experiment and return its records. They are the same as those of the command ``mi-run``.

    A run takes over trials that earlier runs have recorded, as the command does, unless ``reuse=False``. On Linux, the
    script that calls this needs no ``if __name__ == "__main__"``: the processes that compute trials do not import it.

    Args:
        experiment: a name that ``mi-run`` lists; None for one that the settings describe themselves.
        settings: what differs from it, by dotted path (``{"dataset.rho": 0.5}``) or by section
            (``{"dataset": {"rho": 0.5}}``), with values of Python. A section with a ``name`` chooses an option.
        folder: of the run, new or empty; a new one in ``outputs/<name>`` unless given.
        resume: the folder of a run to go on with, in place of an experiment.
        progress: ``auto`` (a bar on a terminal and in a notebook, otherwise a line every ten seconds), ``bar``,
            ``lines``, or ``none``, with which nothing is printed at all.
        more: settings as keywords, such as ``budget="smoke"`` or ``training={"steps": 800}``.

    Returns:
        The run. ``failed`` lists the trials that have no result; they raise nothing.

    Raises:
        ConfigError: settings that cannot be run, with one line for each fault; no folder is left. It is a ValueError.
        OutputError: the folder cannot be written to any more.
        KeyboardInterrupt: the run was interrupted. Finished trials are recorded, and ``resume=`` goes on with it.
    """
    _check(experiment, settings, folder, resume, progress, more)
    invocation = Invocation()
    args = arguments(_overrides(experiment, dict(settings or {}) | more, folder, resume, progress))
    source = composer(args)
    resolved = resolve(args.overrides, source)
    check_device(resolved.values["device"])
    if args.resume and is_completed(args.resume, resolved):
        return Run.read(args.resume)
    made = make_run_folder(args, invocation, typed_folder("hydra.run.dir", args.overrides, source), resolved)
    try:
        if resolved.values["threads"] != 1 and resolved.values["device"] in ("auto", "cpu"):
            invocation.start_fork_server()
        with invocation.running():
            execution.runner.run(
                resolved.values,
                resolved.expansion,
                shown_from_here(made.path),
                Publisher(prints=False),
                overrides=resolved.overrides,
                notices=resolved.notices,
                started=invocation.started,
                import_seconds=time.time() - invocation.started,
                resume=args.resume is not None,
                console=messages(quiet=progress == "none"),
            )
    finally:
        made.discard_if_empty()
    return Run.read(made.path)


def _check(experiment: Any, settings: Any, folder: Any, resume: Any, progress: Any, more: Mapping[str, Any]) -> None:
    """Refuse arguments of another type than those that are declared, and none to run, before anything is made.

    Raises:
        ConfigError: with one fault for each.
    """
    expected = (
        ("experiment", experiment, str, "the name of an experiment, as text"),
        ("settings", settings, Mapping, "a mapping, such as {'dataset.rho': 0.5}"),
        ("folder", folder, str | Path, "a path"),
        ("resume", resume, str | Path, "the folder of a run"),
    )
    faults = [
        Fault(name, repr(value), accepted=accepted)
        for name, value, kind, accepted in expected
        if value is not None and not isinstance(value, kind)
    ]
    if not isinstance(progress, str):
        faults.append(Fault("progress", repr(progress), accepted="auto, bar, lines or none"))
    faults += [
        Fault("settings", repr(key), problem="is no key", accepted="text, such as 'dataset.rho'")
        for key in (settings if isinstance(settings, Mapping) else ())
        if not isinstance(key, str)
    ]
    if experiment is None and resume is None and not settings and not more:
        faults.append(Fault("experiment", None, "is nothing to run", _RUNNABLE))
    if faults:
        raise ConfigError(*faults)


def _overrides(
    experiment: str | None,
    settings: dict[str, Any],
    folder: str | Path | None,
    resume: str | Path | None,
    progress: str,
) -> list[str]:
    """The command line that says the same.

    Raises:
        ConfigError: some of it is for the command, or does not go together.
    """
    for key, problem in _OF_THE_COMMAND.items():
        if key in settings:
            raise ConfigError(Fault(key, settings[key], problem))
    if hydra := [key for key in settings if str(key).partition(".")[0] == "hydra"]:
        accepted = "settings of mi-run, and folder= for where the run goes"
        raise ConfigError(Fault(hydra[0], settings[hydra[0]], "is for the command", accepted))
    if resume is not None and (experiment is not None or folder is not None):
        problem = "has an experiment and a folder of its own"
        raise ConfigError(Fault("resume", Path(resume), problem, "neither beside it"))
    first = {} if experiment is None else {"experiment": experiment}
    last = {} if progress == "auto" else {"progress": progress}
    words = as_overrides(first | settings | last)
    if folder is not None:
        words.append(f"hydra.run.dir={as_text(str(folder))}")
    return words if resume is None else [f"resume={Path(resume)}", *words]
