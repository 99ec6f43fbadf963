"""Memory of large pictures given back to the system. Does something with glibc only; elsewhere nothing is needed.

Left to itself glibc keeps what it freed for the next allocation, in pieces that the next one does not fit: a film of 4K
took 0.3 GB more than lived in it, and each chunk left 5 MB behind.
"""

import ctypes
from functools import cache

_TRIM_THRESHOLD, _MMAP_THRESHOLD, _ARENA_MAX = -1, -3, -8
"""Of mallopt(3)."""
FAST = 8_000_000
"""For films: planes of 4K go straight back when they are freed, the smaller ones, which come by the hundred, are kept."""
SMALL = 1_000_000
"""For a process that waits most of the time: all pictures go straight back, and nothing is kept."""
_KEPT = 100_000_000
"""Bytes that a fast process keeps: to take them anew from the system each time cost a quarter of the analysis."""


@cache
def _libc() -> ctypes.CDLL | None:
    try:
        libc = ctypes.CDLL(None)
        return libc if hasattr(libc, "malloc_trim") else None
    except (OSError, TypeError):  # TypeError: Windows knows no library without a name
        return None


def prepare(large: int = FAST) -> None:
    """Have this process give back allocations of `large` bytes and more as they are freed, from now on.

    To be called first of all: threads that have allocated before keep arenas of their own.
    """
    if libc := _libc():
        libc.mallopt(_MMAP_THRESHOLD, large)
        libc.mallopt(_TRIM_THRESHOLD, _KEPT if large >= FAST else SMALL)
        libc.mallopt(_ARENA_MAX, 1)  # each thread's own would keep what its pictures left


def give_back() -> None:
    """Give back what is free; takes some milliseconds."""
    if libc := _libc():
        libc.malloc_trim(0)
