"""`python -m sessions.history.giving WHAT PATH [CAMERA INDEX]`: a session, or one frame, on standard output.

A process of its own for each download: it takes the memory of a frame, ends with whoever reads it, and what it
refuses it says on standard error before the first byte.
"""

import os
import resource
import sys
from collections.abc import Iterator
from pathlib import Path

from sessions.exchange import portable, zips
from sessions.exchange.contents import Contents
from sessions.exchange.fits import FitsExport
from sessions.history.contents import NoSuchFrameError
from skycam_project.common.errors import SkycamError

MEMORY = 4 << 30
"""Bytes of address space."""
NICE = 5
"""Cameras come first."""
FRAME = "frame"
WHATS = ("portable", "fits", "originals", "asdf")
"""What there is of a whole session; `portable` is one ASDF file, the others are zips."""


def pieces(what: str, path: Path, camera: str = "", index: int = 0) -> Iterator[bytes]:
    """The bytes. Raises `SkycamError`, `OSError`."""
    if what == FRAME:
        yield one_frame(path, camera, index)
    elif what == "portable":
        yield from portable.stream(path)
    else:
        yield from zips.stream(path, what)


def one_frame(path: Path, camera: str, index: int) -> bytes:
    """One frame as a FITS file. Raises `NoSuchFrameError`, and what `FitsExport.file` raises."""
    with Contents(path) as contents, FitsExport(contents) as export:
        for frame in contents.frames():
            if frame.camera == camera and frame.index == index:
                return export.file(frame)
    raise NoSuchFrameError(f"camera {camera} has no frame {index} in this session, or it is gone")


def main() -> int:
    """Write everything, or say why not."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    os.nice(NICE)
    what, path, camera, index = [*sys.argv[1:], "", "0"][:4]
    try:
        for piece in pieces(what, Path(path), camera, int(index)):
            sys.stdout.buffer.write(piece)
        sys.stdout.buffer.flush()
    except BrokenPipeError:  # whoever read it has enough
        sys.stderr.close()
        return 0
    except (SkycamError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
