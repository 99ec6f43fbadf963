"""Memory of large pictures given back to the system. Does something with glibc only; elsewhere nothing is needed.

Left to itself glibc keeps what it freed for the next allocation, in pieces that the next one does not fit: a film of 4K
took 0.3 GB more than lived in it, and each chunk left 5 MB behind.
"""

import ctypes
from functools import cache

_TRIM_THRESHOLD, _MMAP_THRESHOLD, _ARENA_MAX = -1, -3, -8
"""Of mallopt(3)."""
_LARGE = 8_000_000
"""Bytes from which an allocation goes straight back when it is freed: planes of 4K; the smaller ones come by the hundred."""
_KEPT = 100_000_000
"""Bytes kept for them: to take them anew from the system each time cost a quarter of the analysis."""


@cache
def _libc() -> ctypes.CDLL | None:
    try:
        libc = ctypes.CDLL(None)
        return libc if hasattr(libc, "malloc_trim") else None
    except (OSError, TypeError):  # TypeError: Windows knows no library without a name
        return None


def prepare() -> None:
    """Have this process give back large allocations as they are freed, from now on.

    To be called first of all: threads that have allocated before keep arenas of their own.
    """
    if libc := _libc():
        libc.mallopt(_MMAP_THRESHOLD, _LARGE)
        libc.mallopt(_TRIM_THRESHOLD, _KEPT)
        libc.mallopt(_ARENA_MAX, 1)  # each thread's own would keep what its pictures left


def give_back() -> None:
    """Give back what is free; takes some milliseconds."""
    if libc := _libc():
        libc.malloc_trim(0)
