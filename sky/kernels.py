"""How numeric kernels are compiled and spread over the cores.

Kernels are compiled without numba's own thread pool (`parallel=True`): its default layer aborts the process
when two Python threads run kernels at once, and its OpenMP layer when the process forks. They release the
GIL instead and a plain thread pool gives each core a band of rows. A kernel's result never depends on where
the bands end, so that the same input gives the same bytes on any number of cores.
"""

import contextlib
import hashlib
import os
import shutil
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar, cast

import numba
from numba.core import config

Function = TypeVar("Function", bound=Callable[..., Any])

_ROOT = Path(__file__).resolve().parents[1]
_SOURCES = ("sky", "timelapse")
_KEPT_S = 7 * 86400

_pool: tuple[int, ThreadPoolExecutor] | None = None


def cache_folder(base: Path, sources: Path = _ROOT) -> Path:
    """Where the machine code of exactly these sources is kept: a folder of `base`, made anew for each change.

    numba looks only at the file that a kernel stands in. A kernel that calls one of another file would go on with the
    old one after an update, so the folder's name tells all files apart, by size and date as numba does. Folders of
    other versions go a week after their last use.
    """
    state = hashlib.sha256()
    for part in _SOURCES:
        for path in sorted((sources / part).rglob("*.py")):
            status = path.stat()
            state.update(f"{path.relative_to(sources)} {status.st_size} {status.st_mtime_ns}\n".encode())
    folder = base / state.hexdigest()[:16]
    folder.mkdir(parents=True, exist_ok=True)
    os.utime(folder)
    for other in base.iterdir():
        with contextlib.suppress(OSError):
            if other.is_dir() and time.time() - other.stat().st_mtime > _KEPT_S:
                shutil.rmtree(other)
    return folder


with contextlib.suppress(OSError):  # nowhere to write: numba finds a place of its own, or compiles each time
    config.CACHE_DIR = str(  # pyright: ignore[reportAttributeAccessIssue]  # numba makes its names at run time
        cache_folder(
            Path(os.environ.get("NUMBA_CACHE_DIR") or Path(__file__).parent / "__pycache__" / "kernels")
        )
    )


def kernel(function: Function) -> Function:
    """Compile on first use; machine code is kept in `cache_folder`: below `NUMBA_CACHE_DIR` where that is set."""
    return _compile(function, fastmath=True)


def exact_kernel(function: Function) -> Function:
    """As `kernel`, but sums and divides in the order written.

    For kernels whose input may hold NaN, and where the same input must give the same bits in every process: code that
    was just compiled and code that was loaded from the cache are inlined differently, which `kernel` lets show.
    """
    return _compile(function, fastmath=False)


def _compile(function: Function, fastmath: bool) -> Function:
    options: dict[str, Any] = {"nogil": True, "error_model": "numpy", "fastmath": fastmath}
    try:
        return cast(Function, numba.njit(cache=True, **options)(function))
    except RuntimeError:  # no folder to cache in: a read-only installation without a writable home
        return cast(Function, numba.njit(**options)(function))


def cores() -> int:
    """Cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def in_bands(rows: int, work: Callable[[int, int], None], bands: int | None = None) -> None:
    """Call `work(first, end)` for bands that cover rows 0 … `rows` - 1, one per core; wait for all.

    Args:
        rows: number of rows, > 0.
        work: must release the GIL to gain anything, and touch only its own rows.
        bands: number of bands; one per core when None.
    """
    global _pool
    count = max(1, min(bands or cores(), rows))
    if count == 1:
        work(0, rows)
        return
    if _pool is None or _pool[0] != os.getpid():  # threads do not survive a fork
        _pool = os.getpid(), ThreadPoolExecutor(cores(), thread_name_prefix="sky")
    edges = [rows * n // count for n in range(count + 1)]
    for done in [_pool[1].submit(work, edges[n], edges[n + 1]) for n in range(count)]:
        done.result()
