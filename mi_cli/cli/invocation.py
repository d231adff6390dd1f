"""The state of one command."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NoReturn

from mi_cli import execution
from mi_cli.cli.exits import INTERRUPTED, TOO_EARLY, Terminated
from mi_cli.cli.signals import replace_interrupt_handler, signal_handlers
from mi_cli.cli.standard_input import StandardInput
from mi_cli.tabular.queries import remove_results

if TYPE_CHECKING:
    from types import FrameType

    from mi_cli.records.run_folder import NewFolder

__all__ = ["Invocation"]

_NO_WORKERS = {"plan", "device"}  # overrides that may mean a run without workers, as threads=1 does


@dataclass
class Invocation:
    """The state of one command, from its arguments to its exit code.

    Args:
        started: when the command began, in seconds since the epoch.
        folders: the folders that it has made for runs.
        run_begun: whether the runner was called.
        is_ending: whether a signal has told the process to end. No other job begins then.
        standard_input: what ``-`` stands for.
        has_fork_server: whether the server of workers was started early.
    """

    started: float = field(default_factory=time.time)
    folders: list[NewFolder] = field(default_factory=list)
    run_begun: bool = False
    is_ending: bool = False
    standard_input: StandardInput = field(default_factory=StandardInput)
    has_fork_server: bool = False

    def __reduce__(self) -> tuple[type[Invocation], tuple[()]]:
        """A launcher that runs a job in another process gives it an invocation of its own, which owns no folder."""
        return Invocation, ()

    def start_fork_server(self) -> None:
        """Start the server that workers are forked from. It imports what they need while this process goes on."""
        if execution.forkserver.AVAILABLE:
            self.has_fork_server = True
            execution.forkserver.context()

    def start_fork_server_early(self, overrides: Sequence[str]) -> None:
        """Start it before the config is composed, unless an override may mean that there are no workers."""
        if "threads=1" not in overrides and not {text.partition("=")[0] for text in overrides} & _NO_WORKERS:
            self.start_fork_server()

    def end_fork_server(self) -> None:
        """End the server, if there is one: it holds this process's output open, which a reader may wait for."""
        if self.has_fork_server:
            execution.forkserver.end()

    def discard_input(self) -> None:
        """Remove what is kept of standard input, unless a run of it has left its folder."""
        if not any(folder.path.exists() for folder in self.folders):
            self.standard_input.discard()

    def end_at_once(self, number: int, frame: FrameType | None) -> NoReturn:
        """Handle Ctrl-C before the runner begins: there is nothing to keep.

        It does not raise KeyboardInterrupt, since modules that are being imported may swallow it.
        """
        os.write(2, TOO_EARLY.encode())
        for folder in self.folders:
            folder.discard_if_empty()
        self.discard_input()
        remove_results()
        if self.has_fork_server:
            execution.forkserver.discard()
        os._exit(INTERRUPTED)

    @contextmanager
    def running(self) -> Iterator[None]:
        """Have the first Ctrl-C or SIGTERM end a run in order, and ignore those after it.

        A second exception, on the way out of the first, would meet locks of threads half taken.

        Raises:
            KeyboardInterrupt: the run was interrupted; Terminated after SIGTERM. Polars may panic in its place, since
                Rust cannot pass on an exception of Python code that it calls. The panic is its cause then.
        """
        interruption: KeyboardInterrupt | None = None

        def end(number: int, frame: FrameType | None) -> None:
            nonlocal interruption
            if not self.is_ending:
                self.is_ending = True
                interruption = Terminated() if number == signal.SIGTERM else KeyboardInterrupt()
                raise interruption

        self.run_begun = True
        replace_interrupt_handler(self.end_at_once, signal.default_int_handler)
        handler: Any = signal.getsignal(signal.SIGINT)
        is_ours = handler is signal.default_int_handler  # a launcher may have set its own
        with signal_handlers(end, signal.SIGTERM, *([signal.SIGINT] if is_ours else [])):
            try:
                yield
            except BaseException as error:
                if interruption is None or isinstance(error, KeyboardInterrupt | Exception):
                    raise
                raise interruption from error
