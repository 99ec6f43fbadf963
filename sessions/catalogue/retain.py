"""`python -m sessions.catalogue.retain`: one run of retention in a process of its own (polars, numpy, asdf leave with it).

Standard input: a JSON object, `{"root"}` and what to do:

- `policy` (fields of `rules.Policy`): what is due now goes; `caches` and `working_bytes`:
  folders that may take so much;
- `free` (bytes) with `caches` and `capture_node`: give things up in the emergency order until that much is free;
- neither: only what people asked for, and what was begun.

Standard output: `{"freed", "sessions", "refused"}`.
"""

import os
import sys
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

import orjson

from sessions.catalogue import Row
from sessions.catalogue.catalogue import Catalogue
from sessions.catalogue.removal import Done, Remover
from sessions.catalogue.reserve import released
from sessions.catalogue.rules import Policy, due, emergency
from sessions.catalogue.sync import sync


def all_rows(root: Path) -> list[Row]:
    """The catalogue as it is on disk now."""
    sync(root)
    return Catalogue(root).scan().drop("year", "month").collect().to_dicts()


def run(root: Path, policy: Policy, now: datetime | None = None) -> Done:
    """Do what people asked for and what is due."""
    remover = Remover(root)
    with released(root):
        rows = all_rows(root)
        return remover.carry_out([*remover.wishes(), *due(rows, policy, now or datetime.now(UTC))])


def answer(root: Path) -> Done:
    """Do only what people asked for, and finish what was begun."""
    remover = Remover(root)
    with released(root):
        sync(root)
        return remover.carry_out(remover.wishes())


def relieve(root: Path, wanted: int, caches: Iterable[Path], capture_node: bool) -> Done:
    """Free `wanted` bytes in the emergency order: caches and previews, archived frames, then others, oldest first."""
    freed = trim(caches, wanted)
    if freed >= wanted:
        return Done(freed)
    with released(root):
        actions = emergency(all_rows(root), 2 * wanted, capture_node)
        done = Remover(root).carry_out(actions, enough=wanted - freed)
    done.freed += freed
    return done


def trim(folders: Iterable[Path], wanted: int) -> int:
    """Delete files below folders that can be made again, oldest first in each; returns the bytes freed."""
    freed = 0
    for folder in folders:
        for _, size, path in sorted(_files(folder)):
            if freed >= wanted:
                return freed
            path.unlink(missing_ok=True)
            freed += size
    return freed


def excess(folders: Iterable[Path], limit: int) -> int:
    """By how many bytes folders together are larger than they may be."""
    return max(0, sum(size for folder in folders for _, size, _ in _files(folder)) - limit)


def _files(folder: Path) -> list[tuple[float, int, Path]]:
    found = []
    for parent, _, names in os.walk(folder):  # does not follow links
        for name in names:
            path = Path(parent, name)
            try:
                status = path.lstat()
            except OSError:  # it has just gone
                continue
            found.append((status.st_mtime, status.st_size, path))
    return found


def main() -> None:
    """One run."""
    request = orjson.loads(sys.stdin.buffer.read())
    root, caches = Path(request["root"]), [Path(folder) for folder in request.get("caches", ())]
    if "free" in request:
        done = relieve(root, request["free"], caches, request["capture_node"])
    elif "policy" in request:
        done = run(root, Policy(**request["policy"]))
        done.freed += trim(caches, excess(caches, request["working_bytes"]))
    else:
        done = answer(root)
    said = {"freed": done.freed, "sessions": done.sessions, "refused": done.refused}
    sys.stdout.buffer.write(orjson.dumps(said) + b"\n")


if __name__ == "__main__":
    main()
