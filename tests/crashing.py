"""Processes that kill themselves, or whose disk is full, from a chosen system call on; for tests of what survives.

A script calls `serve({"name": work, …})`; `Crasher(script)` runs its works, each in a child that is forked from
the script's process, so that imports are paid once. Folders lie in memory where the machine has `/dev/shm`: what
a SIGKILL leaves is the same there, and syncing costs nothing.
"""

import errno
import itertools
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from skycam_project.common.errors import SkycamError

COUNTED = [
    "open",
    "write",
    "writev",
    "pwrite",
    "fsync",
    "fdatasync",
    "rename",
    "replace",
    "copy_file_range",
    "mkdir",
    "unlink",
    "rmdir",
    "ftruncate",
]
TORN = {"write": 1, "writev": 1, "copy_file_range": 2}
TAKES_ROOM = {"write", "writev", "pwrite", "copy_file_range", "mkdir"}
FULL = 3
"""Exit code of a work that gave up because the disk was full."""
_write, _kill = os.write, os.kill


class Fault:
    """Counts system calls. One of them is the last before SIGKILL; or from it on the disk is full.

    Args:
        at: number of the call; 0 for none.
        torn: half of a write still happens.
        full: `ENOSPC` instead of SIGKILL.
    """

    def __init__(self, at: int, torn: bool, full: bool) -> None:
        self.count = 0
        self._numbers = itertools.count(1)
        self.at, self.torn, self.full = at, torn, full
        for name in COUNTED:
            setattr(os, name, self._wrap(name, getattr(os, name)))

    def _wrap(self, name, call):
        def counted(*args, **kwargs):
            self.count = number = next(
                self._numbers
            )  # each thread its own: none may step over the one that counts
            if number == self.at and self.torn and name in TORN:
                self._half(name, call, args, kwargs)
            if number == self.at and not self.full:
                _kill(os.getpid(), signal.SIGKILL)
            if self.full and 0 < self.at <= number and name in TAKES_ROOM:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            return call(*args, **kwargs)

        return counted

    @staticmethod
    def _half(name, call, args, kwargs):
        if name == "write":
            call(args[0], bytes(args[1])[: len(args[1]) // 2])
        elif name == "writev":
            joined = b"".join(bytes(part) for part in args[1])
            call(args[0], [joined[: len(joined) // 2]])
        else:
            call(args[0], args[1], args[2] // 2, **kwargs)


class Acks:
    """What the process was told is safe: written by the unwrapped call, so that it survives the process."""

    def __init__(self, path: str) -> None:
        self._handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def __call__(self, kind: str, value: object) -> None:
        _write(self._handle, json.dumps([kind, value]).encode() + b"\n")


def serve(works: dict[str, Callable[[Path, Acks, int], None]]) -> None:
    """Run works until the standard input ends: one request per line, the child's number and its wait status back."""
    for line in sys.stdin:
        request = json.loads(line)
        child = os.fork()
        if child == 0:
            _work(works[request["work"]], request)
        print(json.dumps({"child": child}), flush=True)
        print(json.dumps({"status": os.waitpid(child, 0)[1]}), flush=True)


def _work(work: Callable[[Path, Acks, int], None], request: dict) -> None:
    root = Path(request["root"])
    ack = Acks(str(root.parent / "acks"))
    fault = Fault(request["at"], request["torn"], request["full"])
    try:
        work(root, ack, request["seed"])
    except (OSError, SkycamError):
        if not request["full"]:
            raise
        os._exit(FULL)
    ack("calls", fault.count)
    os._exit(0)


class Crasher:
    """Runs the works of a script in processes that may be killed."""

    def __init__(self, script: Path, *arguments: object) -> None:
        command = [sys.executable, str(script), *map(str, arguments)]
        environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[1]), "POLARS_MAX_THREADS": "1"}
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
        )

    def begin(
        self, work: str, root: Path, at: int = 0, torn: bool = False, seed: int = 1, full: bool = False
    ) -> int:
        """Start a work in `root`; returns its process. `end` must follow."""
        request = {"work": work, "root": str(root), "at": at, "torn": torn, "seed": seed, "full": full}
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())["child"]

    def end(self) -> int:
        """The wait status of the work that was begun."""
        return json.loads(self._process.stdout.readline())["status"]

    def run(
        self, work: str, root: Path, at: int = 0, torn: bool = False, seed: int = 1, full: bool = False
    ) -> bool:
        """True when it came to its end, False when it was killed or gave up."""
        self.begin(work, root, at, torn, seed, full)
        status = self.end()
        assert status in (0, FULL << 8 if full else signal.SIGKILL), status
        return status == 0

    def close(self) -> None:
        self._process.stdin.close()
        self._process.wait(10)
        self._process.stdout.close()


def acknowledged(root: Path) -> dict[str, list]:
    """What works in `root` were told is safe, and `calls`: the system calls of each that came to its end."""
    found: dict[str, list] = {}
    path = root.parent / "acks"
    for line in path.read_text().splitlines() if path.exists() else []:
        kind, value = json.loads(line)
        found.setdefault(kind, []).append(value)
    return found


def spread(calls: int, count: int | None) -> list[int]:
    """The numbers of all calls, or of so many."""
    return (
        list(range(1, calls + 1)) if count is None else sorted({1 + calls * n // count for n in range(count)})
    )


@contextmanager
def quick_folder() -> Iterator[Path]:
    """A folder in memory, or a temporary one; removed at the end."""
    memory = Path("/dev/shm")
    roomy = os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > 1 << 30
    folder = tempfile.mkdtemp(prefix="skycam-crash-", dir=memory if roomy else None)
    try:
        yield Path(folder)
    finally:
        shutil.rmtree(folder)
