"""The reading process: one question a line on standard input, one answer a line on standard output."""

import os
import resource
import select
import sys
from pathlib import Path
from typing import Any

import orjson

from sessions.history.answers import Answers
from skycam_project.common.errors import SkycamError

MEMORY = 4 << 30
"""Bytes of address space: a file that lies about its sizes ends this process, not the machine."""
IDLE_S = 60.0
NICE = 5
"""Cameras come first."""


def main() -> int:
    """Answer until nobody asks for `IDLE_S`, or the asker is gone."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    os.nice(NICE)
    answers = Answers(Path(sys.argv[1]))
    source = sys.stdin.fileno()
    pending = b""
    while True:
        if b"\n" not in pending:
            if not select.select([source], [], [], IDLE_S)[0]:
                return 0
            more = os.read(source, 1 << 16)
            if not more:
                return 0
            pending += more
            continue
        line, _, pending = pending.partition(b"\n")
        sys.stdout.buffer.write(orjson.dumps(answer(answers, line), option=_OPTIONS) + b"\n")
        sys.stdout.buffer.flush()


_OPTIONS = orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_NON_STR_KEYS


def answer(answers: Answers, line: bytes) -> dict[str, Any]:
    """One answer: `{"ok": …}` or `{"error": {"code", "text"}}`."""
    try:
        return {"ok": answers.ask(**orjson.loads(line))}
    except SkycamError as error:
        return {"error": {"code": error.code, "text": str(error)}}
    except MemoryError:
        return {"error": {"code": "not_showable", "text": "It needs more memory than a page may take."}}
    except OSError as error:
        return {"error": {"code": "not_found", "text": f"{error.strerror}: {error.filename}"}}
    except (ArithmeticError, LookupError, TypeError, ValueError) as error:
        # Our own files never lead here; a damaged or foreign one may.
        return {"error": {"code": "damaged_file", "text": f"The session's file is damaged: {error!r}"}}


if __name__ == "__main__":
    sys.exit(main())
