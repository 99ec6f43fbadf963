"""What a crash left behind: which session goes on, which are finished, what is put aside.

States of a session's folder, every arrow one rename or one line: running -> sealed -> `<id>.asdf` there ->
`.done` -> gone. A kill between any two leaves one of them; recovery needs no state of its own and may itself
be killed.
"""

import logging
import shutil
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from sessions.store import collect, finalise, host, ids, joining, metadata, values
from sessions.store.errors import InstrumentOwnedError, StoreError
from sessions.store.finalise import Finished
from sessions.store.journal import OWNER, PATTERN, JournalReader, JournalWriter
from sessions.store.layout import DONE, FRAMES, HEAD, InstrumentLock, Layout, read_head
from sessions.store.metadata import FrameRecord
from sessions.store.recorder import Progress, encode
from sessions.store.space import FreeSpace
from skycam_project.common.clock import from_microseconds
from skycam_project.common.files import fsync_folder, write_atomic

logger = logging.getLogger(__name__)

RESUME_WITHIN = timedelta(hours=12)
"""A session whose last record is older is not continued: it was another night."""


@dataclass(slots=True)
class Leftover:
    """A session's folder that nobody writes.

    Attributes:
        folder: the `.partial` folder.
        head: its identity.
        progress: what its owner's journal and its frame files say.
        known: frame files that the journal names, below `frames/`.
        sequence: number for the next record.
        last: the owner's last record, without the `open` ones; `None` when there is none.
        boot: boot id of the last writer.
        ended: an `end` line was written.
    """

    folder: Path
    head: dict[str, Any]
    progress: Progress
    known: set[str]
    sequence: int = 0
    last: dict[str, Any] | None = None
    boot: str = ""
    ended: bool = False


def leftovers(layout: Layout, instrument: str) -> list[Path]:
    """Folders of this instrument's unfinished sessions, oldest first; for the holder of its lock.

    Removes what is certainly nothing: finished folders on their way out, sessions that were being made.
    A folder that does not say whose it is goes to quarantine (or away, when it holds nothing).
    """
    for temporary in layout.current_folder.glob(f"{instrument}.*.tmp"):
        temporary.unlink(missing_ok=True)
    for draft in layout.live.glob(f".new-{instrument}-*"):
        shutil.rmtree(draft, ignore_errors=True)
    for done in layout.live.glob(f"*{DONE}"):
        shutil.rmtree(done, ignore_errors=True)
    found = []
    for folder in layout.partials():
        head = identify(layout, folder)
        if head and head.get("instrument") == instrument:
            found.append((head["start_time"], folder))
    return [folder for _, folder in sorted(found)]


def identify(layout: Layout, folder: Path) -> dict[str, Any] | None:
    """A session's head; rebuilt from its journal when the file is damaged."""
    head = read_head(folder)
    if head is not None:
        return head
    for record in JournalReader(folder / OWNER) if (folder / OWNER).exists() else ():
        if record["k"] == "open" and isinstance(record.get("head"), dict):
            write_atomic(folder / HEAD, values.encode(record["head"]))
            return record["head"]
    if folder.exists():
        _put_aside(layout, folder)
    return None


def _put_aside(layout: Layout, folder: Path) -> None:
    """A folder without identity: away when it is empty, else to quarantine."""
    if not any(path.is_file() and path.stat().st_size for path in folder.rglob("*")):
        shutil.rmtree(folder, ignore_errors=True)
        return
    layout.quarantine.mkdir(exist_ok=True)
    names = (layout.quarantine / name for name in ids.numbered(folder.name))
    target = next(path for path in names if not path.exists())
    folder.rename(target)
    fsync_folder(layout.quarantine)
    logger.error("a session folder says nothing of its origin, put aside: folder=%s", target)


def read(folder: Path, head: dict[str, Any]) -> Leftover:
    """What is in a folder. Reads the owner's journal once."""
    found = Leftover(folder, head, Progress(), set(), boot=(head.get("boots") or [""])[-1])
    for record in JournalReader(folder / OWNER) if (folder / OWNER).exists() else ():
        found.sequence = max(found.sequence, int(record.get("q", 0)) + 1)
        try:
            _follow(found, record)
        except (KeyError, TypeError, ValueError, OverflowError):
            continue  # counted as a bad line when the session is finished
    for path in (folder / FRAMES).rglob("*"):
        number = path.name.split(".")[0]
        if number.isdigit() and path.is_file():
            *parts, _ = path.relative_to(folder / FRAMES).parts
            camera = "/".join(part for part in parts if part != "original")
            known = found.progress.next_index.get(camera, 0)
            found.progress.next_index[camera] = max(known, int(number) + 1)
    return found


def _follow(found: Leftover, record: dict[str, Any]) -> None:
    kind, progress = record["k"], found.progress
    if kind == "open":
        found.boot = str(record["boot"])
        return
    found.last = record
    progress.count(kind, record["t"], record)
    if kind in ("frame", "cal") and "f" in record:
        found.known.add(record["f"])
        path = found.folder / FRAMES / record["f"]
        camera = (
            record["cam"] if kind == "frame" else path.parent.relative_to(found.folder / FRAMES).as_posix()
        )
        frame = FrameRecord(record["i"], path, record["h"], record["b"], from_microseconds(record["at"]))
        progress.count_frame(camera, frame)
    elif kind == "cam":
        said = {what: record[what] for what in ("info", "settings") if what in record}
        progress.cameras.setdefault(record["cam"], {}).update(said)
    elif kind == "end":
        found.ended = True


def can_resume(found: Leftover, now: int) -> bool:
    """Whether the session goes on: not idle, not ended, its last record from the last twelve hours.

    Args:
        found: the instrument's current session.
        now: microseconds UTC. A clock that starts in the past after a power cut does not end the night.
    """
    if found.ended or found.head["session_type"] == "idle" or joining.sealed(found.folder):
        return False
    last = found.last["t"] if found.last else _start(found.head)
    return now - last <= RESUME_WITHIN / timedelta(microseconds=1)


def _start(head: dict[str, Any]) -> int:
    return metadata.moment(head["start_time"], 0)


def resume(found: Leftover, process: str, clock) -> JournalWriter:
    """Open the session again: its journal goes on, frames without a line get one, an event says why.

    Args:
        found: see `can_resume`.
        process: name of the new writer.
        clock: microseconds UTC.

    Raises `OSError`, `WriteError`.
    """
    boots = found.head.setdefault("boots", [])
    rebooted = found.boot != host.boot_id()
    if host.boot_id() not in boots:
        boots.append(host.boot_id())
        write_atomic(found.folder / HEAD, values.encode(found.head))
    journal = JournalWriter(found.folder / OWNER, process, clock, found.sequence, found.head)
    try:
        adopted, removed = _adopt(found, journal)
        details = _gap(found, clock(), rebooted) | {"frames_adopted": adopted, "frames_unfinished": removed}
        stamp = journal.append("evt", encode("evt", {"e": "resumed", "d": details}))
        found.progress.count("evt", stamp.time, {})
        journal.sync()
    except BaseException:
        journal.close()
        raise
    return journal


def _gap(found: Leftover, now: int, rebooted: bool) -> dict[str, Any]:
    last = found.last
    since = last["t"] if last else _start(found.head)
    if last and last["k"] == "evt" and last.get("e") == "suspended":
        reason = f"stopped on purpose: {(last.get('d') or {}).get('reason', 'no reason given')}"
    elif rebooted:
        reason = "the machine was switched off or restarted"
    else:
        reason = "the process that captured died"
    return {
        "from": metadata.iso(since),
        "to": metadata.iso(now),
        "gap_seconds": round((now - since) / 1e6, 3) if now >= since else None,
        "reason": reason,
    }


def _adopt(found: Leftover, journal: JournalWriter) -> tuple[int, int]:
    """Journal whole frames without a line (never acknowledged, but kept); remove unfinished files."""
    adopted = removed = 0
    root = found.folder / FRAMES
    for path in sorted(root.rglob("*")):
        file = path.relative_to(root).as_posix()
        if file in found.known or not path.is_file():
            continue
        if path.suffix == ".tmp":
            path.unlink()
            removed += 1
            continue
        record = collect.orphan(path, file)
        if record is None:
            continue  # damaged: put aside and counted when the session is finished
        kind = "cal" if "n" in record else "frame"
        journal.append(kind, encode(kind, record))
        frame = FrameRecord(record["i"], path, record["h"], record["b"], from_microseconds(record["at"]))
        found.progress.count_frame(record.get("cam") or path.parent.relative_to(root).as_posix(), frame)
        found.known.add(file)
        adopted += 1
    return adopted, removed


def finish(layout: Layout, folder: Path, space: FreeSpace) -> Finished | None:
    """Finish one leftover; `None` when it held nothing or somebody else has finished it.

    Raises `OSError` when the file cannot be written; nothing is lost.
    """
    head = identify(layout, folder)
    if head is None:
        return None
    if not joining.sealed(folder):
        if _empty(folder):
            layout.discard(folder)
            return None
        joining.seal(folder)
    return finalise.finalise(layout, folder, head, space)


def _empty(folder: Path) -> bool:
    """Whether nothing was recorded: the session was never announced, or it was idle."""
    if any(path.is_file() for path in (folder / FRAMES).rglob("*")):
        return False
    journals = [JournalReader(path) for path in folder.glob(PATTERN)]
    return not any(record["k"] != "open" for reader in journals for record in reader)


def recover_unowned(layout: Layout, space: FreeSpace, now: int, older_than: timedelta) -> list[Finished]:
    """Finish sessions of instruments that nobody runs (a camera that was taken away, a stopped program).

    Args:
        layout: of the data folder.
        space: decides on embedding.
        now: microseconds UTC.
        older_than: leave sessions whose last record is younger; their owner may be about to come back.
    """
    done = []
    for folder in layout.partials():
        head = identify(layout, folder)
        if head is None or not _claim(layout, folder, head, now, older_than):
            continue
        try:
            finished = finish(layout, folder, space)
        except (OSError, StoreError) as error:
            logger.error("session not recovered yet: session=%s reason=%s", folder.name, error)
            continue
        done += [finished] if finished else []
    return done


def _claim(layout: Layout, folder: Path, head: dict[str, Any], now: int, older_than: timedelta) -> bool:
    """Seal an unowned session, so that nobody resumes it; the instrument is locked only for that moment."""
    before = _size(folder)
    found = read(folder, head)
    last = found.last["t"] if found.last else _start(head)
    if now - last < older_than / timedelta(microseconds=1):
        return False
    try:
        lock = InstrumentLock(layout, head["instrument"])
    except InstrumentOwnedError:
        return False
    try:
        if _size(folder) != before:  # its owner was here in between
            return False
        if not _empty(folder):
            joining.seal(folder)
        if layout.current(head["instrument"]) == folder:
            layout.point(head["instrument"], None)
        return True
    finally:
        lock.release()


def _size(folder: Path) -> int:
    journal = folder / OWNER
    return journal.stat().st_size if journal.exists() else -1
