"""The state of one command."""

from __future__ import annotations

import os
import pickle
import signal

import pytest
from polars.exceptions import PanicException

from mi_cli.cli.exits import TERMINATED, Terminated
from mi_cli.cli.invocation import Invocation
from mi_cli.cli.job import Job
from mi_cli.cli.signals import replace_interrupt_handler
from mi_cli.records.run_folder import NewFolder


def test_job_in_another_process_owns_no_folder(tmp_path):
    invocation = Invocation(started=1.0, folders=[NewFolder(tmp_path, tmp_path)], run_begun=True, is_ending=True)
    job = pickle.loads(pickle.dumps(Job(invocation)))
    assert job.invocation.folders == []
    assert not job.invocation.run_begun
    assert not job.invocation.is_ending
    assert job.invocation.started > 1.0


def test_no_job_begins_once_the_command_is_ending():
    assert Job(Invocation(is_ending=True))(None) == TERMINATED


@pytest.mark.parametrize(("number", "error"), [(signal.SIGINT, KeyboardInterrupt), (signal.SIGTERM, Terminated)])
def test_first_signal_ends_a_run_and_later_ones_are_ignored(number, error):
    before = [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)]
    invocation = Invocation()
    later = []

    def run():
        with invocation.running():
            assert invocation.run_begun
            try:
                os.kill(os.getpid(), number)
            finally:
                for each in (signal.SIGTERM, signal.SIGINT):
                    os.kill(os.getpid(), each)
                    later.append(each)

    with pytest.raises(error) as caught:
        run()
    assert caught.type is error
    assert later == [signal.SIGTERM, signal.SIGINT]
    assert invocation.is_ending
    assert [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)] == before


@pytest.mark.parametrize(("number", "error"), [(signal.SIGINT, KeyboardInterrupt), (signal.SIGTERM, Terminated)])
def test_signal_that_ends_in_a_panic_is_an_interruption(number, error):
    def run():
        with Invocation().running():
            try:
                os.kill(os.getpid(), number)
            except KeyboardInterrupt:
                raise PanicException from None

    with pytest.raises(error) as caught:
        run()
    assert caught.type is error
    assert isinstance(caught.value.__cause__, PanicException)


def test_panic_without_a_signal_stays_one():
    with pytest.raises(PanicException), Invocation().running():
        raise PanicException


def test_interrupt_handler_of_somebody_else_stays():
    def theirs(number, frame):
        raise AssertionError

    invocation, before = Invocation(), signal.signal(signal.SIGINT, theirs)
    try:
        replace_interrupt_handler(signal.default_int_handler, invocation.end_at_once)
        assert signal.getsignal(signal.SIGINT) is theirs
        replace_interrupt_handler(theirs, invocation.end_at_once)
        assert signal.getsignal(signal.SIGINT) == invocation.end_at_once
        replace_interrupt_handler(invocation.end_at_once, signal.default_int_handler)
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGINT, before)
