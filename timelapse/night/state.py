"""What a product remembers between two processes: a header and arrays, replaced as a whole or not at all."""

import os
from pathlib import Path
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from skycam_project.common.files import fsync_folder

Arrays = dict[str, NDArray[Any]]
Meta = dict[str, Any]

_MAGIC = b"skycam-night-1\n"


def save(path: Path, meta: Meta, arrays: Arrays) -> None:
    """Write `meta` (JSON) and `arrays`; on disk when this returns. Raises `OSError`; the old file then stands."""
    shapes = [[name, array.dtype.str, array.shape] for name, array in arrays.items()]
    head = orjson.dumps({"meta": meta, "arrays": shapes}) + b"\n"
    temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("wb") as file:
            file.write(_MAGIC + head)
            for array in arrays.values():
                file.write(np.ascontiguousarray(array).data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    fsync_folder(path.parent)


def load(path: Path) -> tuple[Meta, Arrays] | None:
    """What was saved; None when there is nothing, or a file of another version or cut short."""
    try:
        with path.open("rb") as file:
            if file.readline() != _MAGIC:
                return None
            head = orjson.loads(file.readline())
            arrays: Arrays = {}
            for name, dtype, shape in head["arrays"]:
                count = int(np.prod(shape, dtype=np.int64))
                arrays[name] = np.fromfile(file, dtype, count).reshape(shape)
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return head["meta"], arrays
