"""Frames of a folder of pictures."""

import contextlib
import hashlib
import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from sessions import provenance
from timelapse.pipeline import decode
from timelapse.pipeline.decoders import Decoders
from timelapse.pipeline.develop import Counts, File
from timelapse.pipeline.errors import FrameError
from timelapse.pipeline.frames import FrameInfo, FrameSource, LostProblem, Problem, describe, suffix


def pictures(folder: Path) -> tuple[list[Path], list[str]]:
    """The files of a folder that a timelapse is made of, by name, and what people should know of the others.

    What was made of them and lies beside them is not one of them.
    """
    made = set(_made_of(folder))
    files = (file for file in folder.iterdir() if file.is_file() and not file.name.startswith("."))
    found = {file.name: file for file in files if suffix(file.name) in decode.FILES and file.name not in made}
    double = twins(found)
    return [found[name] for name in sorted(found.keys() - double, key=by_name)], said_of(double)


def twins(names: Iterable[str]) -> set[str]:
    """The JPEG files of a camera that writes RAW and JPEG of each picture: it took it once, and RAW holds more."""
    of_stem = defaultdict(set)
    for name in names:
        of_stem[Path(name).stem.lower()].add(name)
    pairs = (same for same in of_stem.values() if any(suffix(name) in decode.RAW for name in same))
    return {name for same in pairs for name in same if suffix(name) in decode.JPEG}


def said_of(double: set[str]) -> list[str]:
    """What people should know of `twins`."""
    return [f"{len(double)} JPEG files of RAW files of the same name are not used."] if double else []


def _made_of(folder: Path) -> Iterator[str]:
    for path in folder.glob(f"*{provenance.SIDECAR}"):
        with contextlib.suppress(provenance.ProvenanceError):
            record = provenance.read(path)
            if any("/" not in one.path for one in record.inputs):
                yield from (output.path for output in record.outputs)


class Folder(FrameSource):
    """Pictures that lie in one folder, by the time they were taken, else by name (numbers as numbers)."""

    def __init__(self, path: Path) -> None:
        files, notes = pictures(path)
        decoders = Decoders()
        with ThreadPoolExecutor(4) as pool:
            looked = list(pool.map(lambda file: _look(file, decoders), files))
        decoders.close()
        known = [
            (file, info) for file, info in zip(files, looked, strict=True) if isinstance(info, FrameInfo)
        ]
        self._files = [file for file, _ in known]
        infos = [replace(info, index=index) for index, (_, info) in enumerate(known)]
        super().__init__(
            path, path.name, infos, [found for found in looked if isinstance(found, Problem)], notes
        )

    def _content(self, number: int) -> File | Counts:
        return File(self._files[number].name, self._files[number].read_bytes())


def by_name(name: str) -> list[tuple[int, str]]:
    """Sort key: `frame9` before `frame10`."""
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", name)]


def _look(file: Path, decoders: Decoders) -> FrameInfo | Problem:
    try:
        status = file.stat()
        identity = json.dumps([file.name, status.st_size, status.st_mtime_ns]).encode()
        with file.open("rb") as handle:
            return describe(handle, file.name, hashlib.sha256(identity).hexdigest(), decoders)
    except FrameError as error:
        return Problem(file.name, str(error))
    except OSError as error:
        return LostProblem(file.name, f"cannot be read ({error.strerror or error})")
