"""The process that does a job's heavy work: `python -m timelapse.child`. Pure Python, no Django, no database.

A process of its own, because it needs gigabytes and all cores, runs foreign decoders on foreign files, and can be
killed at any moment. It reads one JSON object on stdin (`work.Work`) and writes one JSON object per line on stdout:
any number of `{"progress": {…}}`, then one of `{"report": {…}}`, `{"error": {…}}`, `{"cancelled": true}`. SIGTERM
cancels; finished chunks stay.
"""

import contextlib
import os
import signal
import sys
import threading
import traceback
from pathlib import Path
from typing import Any

import orjson

from skycam_project.common import allocator
from skycam_project.common.errors import InvalidValueError, SkycamError
from skycam_project.common.parent_pipe import leave_with_parent

NICENESS = 10
SACRIFICE = b"800"
"""When memory ends, the kernel ends a render first and the night goes on."""


def main() -> None:
    """Do one job."""
    allocator.prepare()
    leave_with_parent()
    os.nice(NICENESS)
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_bytes(SACRIFICE)
    lines = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)  # what libraries print must not be taken for ours
    spec = orjson.loads(sys.stdin.buffer.readline())
    cancelled = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: cancelled.set())

    def say(**message: Any) -> None:
        with contextlib.suppress(BrokenPipeError):  # the worker is gone; leave_with_parent ends us
            lines.write(orjson.dumps(message, default=str) + b"\n")

    say(**result(spec, lambda progress: say(progress=progress), cancelled))


def result(spec: dict[str, Any], progress: Any, cancelled: threading.Event) -> dict[str, Any]:
    """The last line: a report, an error, or that it was cancelled."""
    from timelapse import making
    from timelapse.work import Work

    try:
        return {"report": making.make(Work.from_json(spec), progress, cancelled.is_set)}
    except making.CancelledError:
        return {"cancelled": True}
    except SkycamError as error:
        if cancelled.is_set():
            return {"cancelled": True}
        final = isinstance(error, InvalidValueError) or error.code in making.FINAL
        return {"error": {"text": str(error), "code": error.code, "final": final}}
    except OSError as error:
        place = error.filename or spec["folder"]
        if error.errno in making.NO_ROOM:
            text = f"The disk of {Path(place).parent} became full; what is made so far is kept."
            return {"error": {"text": text, "code": "disk_full"}}
        return {"error": {"text": f"{error.strerror or error}: {place}", "code": "io"}}
    except MemoryError:
        return {"error": {"text": "There was not enough memory.", "code": "memory"}}
    except Exception as error:
        traceback.print_exc()
        text = f"The render made a mistake ({type(error).__name__}: {error}); it is in the log."
        return {"error": {"text": text, "code": "internal"}}


if __name__ == "__main__":
    main()
