"""What a procedure is given to work in."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest
from examples import context

from mi_cli.training.context import Stopped


@pytest.mark.parametrize("threads", [1, 3])
def test_results_are_in_the_order_of_the_items(threads):
    used = set()

    def square(item: int) -> int:
        used.add(threading.current_thread())
        barrier.wait(10)  # until all threads are at it
        return item**2

    barrier = threading.Barrier(threads)
    assert replace(context(), threads=threads).map(square, range(6)) == [0, 1, 4, 9, 16, 25]
    assert len(used) == threads


@pytest.mark.parametrize("threads", [1, 3])
def test_request_to_stop_ends_a_map(threads):
    where = replace(context(), threads=threads)

    def work(item: int) -> None:
        where.check()
        where.stop.set()

    with pytest.raises(Stopped):
        where.map(work, range(100))
