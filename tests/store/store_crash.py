"""A process that records, and kills itself at a chosen system call.

`python store_crash.py` serves requests from its standard input, one JSON object per line; each runs in a
forked child (the imports are paid once), the answer is the child's wait status. Acknowledgements are appended
to a file by the unwrapped `os.write`, so they survive the child.
"""

import json
import os
import signal
import sys
from pathlib import Path

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
_write, _kill = os.write, os.kill


class Killer:
    """Counts system calls and ends the process at one of them."""

    def __init__(self, at: int, torn: bool) -> None:
        self.count = 0
        self.at, self.torn = at, torn
        for name in COUNTED:
            setattr(os, name, self._wrap(name, getattr(os, name)))

    def _wrap(self, name, call):
        def counted(*args, **kwargs):
            self.count += 1
            if self.count == self.at:
                if self.torn and name in TORN:
                    self._half(name, call, args, kwargs)
                _kill(os.getpid(), signal.SIGKILL)
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
    """What the process was told is safe."""

    def __init__(self, path: str) -> None:
        self._handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def __call__(self, kind: str, value: object) -> None:
        _write(self._handle, json.dumps([kind, value]).encode() + b"\n")


def capture_outside(root: Path, ack: Acks, seed: int) -> None:
    """The same with frames outside the file."""
    capture(root, ack, seed, storage="external")


def capture(root: Path, ack: Acks, seed: int, storage: str = "embedded") -> None:
    """Idle, an observation with everything in it, an alignment, idle."""
    import numpy as np

    from sessions.store.manager import SessionManager

    random = np.random.default_rng(seed)
    spool = root.parent / "spool"
    spool.mkdir(exist_ok=True)

    def image():
        return random.integers(0, 5000, (24, 32), dtype=np.uint16)

    def log(text):
        sessions.log("ERROR" if text.endswith("0") else "INFO", text)
        ack("log", text)

    sessions = SessionManager(root, resume=True, sync_interval=0.05, storage=storage)
    log(f"{seed} idle")
    session = sessions.start_session("observation", target="M31")
    for number in range(3):
        ack("frame", session.add_frame("main", image(), info={"model": "x"}, exposure_us=5).sha256)
        log(f"{seed} frame {number}")
        file = spool / f"{seed}-{number}.jpg"
        file.write_bytes(random.bytes(3000))
        ack("frame", session.add_original("dslr", file).sha256)
        value = float(random.random())
        session.add_telemetry("temperature", sensor="ccd", value=value)
        ack("reading", value)
    session.add_event(f"{seed} event")
    ack("event", f"{seed} event")
    session.add_calibration("dark", image())
    sessions.end_session()
    log(f"{seed} between")
    sessions.start_session("alignment")
    ack("frame", sessions.add_frame("main", image()).sha256)
    sessions.start_session("observation", target="M33")
    ack("frame", sessions.add_frame("main", image()).sha256)
    log(f"{seed} end")
    sessions.shutdown()


class Hours:
    """A clock that somebody sets."""

    def __init__(self) -> None:
        from datetime import UTC, datetime

        self.time = datetime(2026, 11, 20, 22, 59, 58, tzinfo=UTC)

    def now(self):
        return self.time


def rotate(root: Path, ack: Acks, seed: int) -> None:
    """Three hours of an idle instrument, with two threads and a joiner that log through the rotations."""
    import threading
    from datetime import timedelta

    from sessions.store.joining import Joiner
    from sessions.store.manager import SessionManager

    clock = Hours()
    manager = SessionManager(root, clock=clock, sync_interval=0.05)
    joiner = Joiner(root, "neighbour")
    stop = threading.Event()

    def write(name: str, log) -> None:
        for number in range(60):
            log(f"{seed} {name} {number}")
            ack("log", f"{seed} {name} {number}")
            if stop.wait(0.001):
                return

    # What a joiner hands to an owner of its own process goes straight there: this one is to use its own file.
    from sessions.store import joining

    joining._owners.clear()
    threads = [
        threading.Thread(target=write, args=(name, log), daemon=True)
        for name, log in (
            ("one", lambda text: manager.log("INFO", text)),
            ("two", lambda text: manager.log("ERROR", text)),
            ("foreign", lambda text: joiner.log("default", "INFO", text)),
        )
    ]
    for thread in threads:
        thread.start()
    for _ in range(3):
        clock.time += timedelta(hours=1)
        manager.rotate_if_due()
        stop.wait(0.02)
    for thread in threads:
        thread.join()
    joiner.close()
    manager.shutdown()


def endless(root: Path, ack: Acks, seed: int) -> None:
    """Frames and rows as fast as they go, sessions of ten frames, until somebody kills it."""
    import numpy as np

    from sessions.store.manager import SessionManager

    random = np.random.default_rng(seed)
    sessions = SessionManager(root, resume=True)
    number = 0
    while True:
        if number % 10 == 0:
            sessions.start_session("observation", target=f"t{seed}")
        frame = random.integers(0, 60000, (64, 64), dtype=np.uint16)
        ack("frame", sessions.add_frame("main", frame).sha256)
        sessions.log("INFO", f"{seed} row {number}")
        ack("log", f"{seed} row {number}")
        number += 1


def recover(root: Path, ack: Acks, seed: int) -> None:
    """Finish everything."""
    from sessions.store.manager import SessionManager

    with SessionManager(root) as sessions:
        sessions.recover()


def resume(root: Path, ack: Acks, seed: int) -> None:
    """Come back, go on, stop on purpose."""
    import numpy as np

    from sessions.store.manager import SessionManager

    sessions = SessionManager(root, resume=True)
    sessions.log("INFO", f"{seed} back")
    ack("log", f"{seed} back")
    frame = np.full((8, 8), seed % 60000, np.uint16)
    frame[0, 0] = os.getpid() % 60000
    ack("frame", sessions.add_frame("main", frame).sha256)
    sessions.suspend()


def main() -> None:
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
    from sessions.store import manager  # noqa: F401 - paid once, before the forks

    for line in sys.stdin:
        request = json.loads(line)
        child = os.fork()
        if child == 0:
            killer = Killer(request["at"], request["torn"])
            ack = Acks(request["acks"])
            globals()[request["work"]](Path(request["root"]), ack, request["seed"])
            ack("calls", killer.count)
            os._exit(0)
        print(json.dumps({"child": child}), flush=True)
        print(json.dumps({"status": os.waitpid(child, 0)[1]}), flush=True)


if __name__ == "__main__":
    main()
