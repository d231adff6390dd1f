"""Signals that wait until a piece of work is done."""

from __future__ import annotations

import os
import signal
import threading

import pytest

from mi_cli.execution.signals import held_signals

NUMBERS = (signal.SIGINT, signal.SIGTERM)


@pytest.fixture
def received():
    """The numbers of the signals that were handled."""
    numbers = []
    before = [signal.signal(number, lambda number, frame: numbers.append(number)) for number in NUMBERS]
    yield numbers
    for number, handler in zip(NUMBERS, before, strict=True):
        signal.signal(number, handler)


@pytest.mark.parametrize("number", NUMBERS)
def test_signal_is_handled_at_the_end(received, number):
    before = [signal.getsignal(each) for each in NUMBERS]
    with held_signals():
        os.kill(os.getpid(), number)
        assert received == []
    assert received == [number]
    assert [signal.getsignal(each) for each in NUMBERS] == before


def test_interruption_is_raised_once_the_work_is_done():
    done = []

    def work():
        with held_signals():
            os.kill(os.getpid(), signal.SIGINT)
            done.append("work")

    with pytest.raises(KeyboardInterrupt):
        work()
    assert done == ["work"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_signal_that_is_ignored_stays_so():
    before = signal.signal(signal.SIGTERM, signal.SIG_IGN)
    try:
        with held_signals():
            os.kill(os.getpid(), signal.SIGTERM)
    finally:
        signal.signal(signal.SIGTERM, before)


def test_other_threads_hold_nothing(received):
    def work():
        before = signal.getsignal(signal.SIGTERM)
        with held_signals():
            assert signal.getsignal(signal.SIGTERM) is before
        received.append("work")

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert received == ["work"]
