"""Stacks fit the cache and keep every worker busy."""

from hypothesis import given
from hypothesis import strategies as st

from mi_cli.training.chunks import _CACHE_BYTES, _MOST, chunks


@given(st.integers(1, 500), st.integers(1, 50 << 20), st.integers(1, 8))
def test_chunks_fit_the_cache_and_keep_every_worker_busy(k, bytes_each, workers):
    sizes = chunks(k, bytes_each, workers)
    assert sum(sizes) == k
    assert max(sizes) - min(sizes) <= 1
    assert max(sizes) <= _MOST
    assert max(sizes) == 1 or max(sizes) * bytes_each <= _CACHE_BYTES
    assert len(sizes) == k or len(sizes) % workers == 0
