"""Asks reading processes, so that neither numpy nor a hostile file enters the web server.

A process starts with the first question (0.3 s), serves one question at a time, and leaves after a minute without one.
"""

import contextlib
import os
import selectors
import subprocess
import sys
import threading
import time
import weakref
from pathlib import Path
from typing import Any

import orjson

from skycam_project.common.errors import SkycamError
from skycam_project.common.units import Seconds

PROCESSES = 2
PATIENCE: Seconds = 30.0
"""For one answer; a million log rows searched for a word take half a second."""
ROOT = Path(__file__).resolve().parents[2]


class ReaderError(SkycamError):
    """What the reading process says, with its code; or that it ended."""

    code = "reader_error"


class Reader:
    """Up to `PROCESSES` reading processes; usable from many threads.

    Args:
        cache: folder for the pictures they make.
    """

    def __init__(self, cache: Path) -> None:
        self._cache = cache
        self._free: list[subprocess.Popen[bytes]] = []
        weakref.finalize(self, _end_all, self._free)
        self._lock = threading.Lock()
        self._places = threading.Semaphore(PROCESSES)

    def ask(self, op: str, path: Path, *, patience: Seconds | None = None, **more: Any) -> Any:
        """One answer within `patience` (`PATIENCE`); see `Answers.ask`.

        Raises:
            ReaderError: there is none; `code` says why (`not_found`, `damaged_file`, `not_showable`, …).
        """
        line = orjson.dumps({"op": op, "path": str(path), **more}) + b"\n"
        with self._places:
            answer = self._exchange(line, patience or PATIENCE)
        if "error" in answer:
            raise ReaderError(answer["error"]["text"], code=answer["error"]["code"])
        return answer["ok"]

    def _exchange(self, line: bytes, patience: Seconds) -> dict[str, Any]:
        with self._lock:
            process = self._free.pop() if self._free else None
        if process is not None:
            try:
                return self._answer_of(process, line, patience)
            except (BrokenPipeError, EOFError):  # it had just left, or the question before it broke it
                _end(process)
        process = self._start()
        try:
            return self._answer_of(process, line, patience)
        except (BrokenPipeError, EOFError):
            _end(process)
            text = (
                f"The reading process ended (code {process.returncode}); the session's file may be damaged."
            )
            raise ReaderError(text, code="damaged_file") from None

    def _answer_of(self, process: subprocess.Popen[bytes], line: bytes, patience: Seconds) -> dict[str, Any]:
        """Raises `BrokenPipeError` or `EOFError` when the process is gone; it is free again after an answer."""
        assert process.stdin is not None and process.stdout is not None  # noqa: S101 - pipes were asked for
        process.stdin.write(line)
        process.stdin.flush()
        try:
            answer = _read_line(process.stdout.fileno(), time.monotonic() + patience)
        except TimeoutError:
            _end(process)
            raise ReaderError(
                f"Reading the session took longer than {patience:g} s.", code="too_slow"
            ) from None
        with self._lock:
            self._free.append(process)
        return orjson.loads(answer)

    def _start(self) -> subprocess.Popen[bytes]:
        few_threads = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
        return subprocess.Popen(
            [sys.executable, "-m", "sessions.history", str(self._cache)],
            cwd=ROOT,
            env=os.environ | few_threads,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )

    def close(self) -> None:
        """End the processes that wait."""
        with self._lock:
            _end_all(self._free)


def _read_line(handle: int, deadline: float) -> bytes:
    """Raises `EOFError`, `TimeoutError`."""
    pieces = bytearray()
    with selectors.DefaultSelector() as selector:
        selector.register(handle, selectors.EVENT_READ)
        while not pieces.endswith(b"\n"):
            if not selector.select(max(0.0, deadline - time.monotonic())):
                raise TimeoutError
            more = os.read(handle, 1 << 20)
            if not more:
                raise EOFError
            pieces += more
    return bytes(pieces)


def _end_all(waiting: list[subprocess.Popen[bytes]]) -> None:
    while waiting:
        _end(waiting.pop())


def _end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            with contextlib.suppress(BrokenPipeError):  # what was still to be sent
                pipe.close()
