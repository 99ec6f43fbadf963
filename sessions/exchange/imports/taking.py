"""A planned session is made: built aside, finished by the store, there whole or not at all.

It is built below `<sessions>/.import`, not among the running sessions: nobody else takes it up. A killed import
leaves its beginning there, which the next one removes; its files are still where they were.
"""

import hashlib
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sessions.exchange.imports.item import Item
from sessions.exchange.imports.plan import Plan, Planned, moment
from sessions.store import host, ids, metadata, tree, values
from sessions.store.blocks import Codec
from sessions.store.errors import StoreError
from sessions.store.finalise import EMBED_LIMIT, Finished, finalise
from sessions.store.journal import OWNER, JournalWriter
from sessions.store.layout import FRAMES, HEAD, SEAL, Layout
from sessions.store.session import Session
from sessions.store.space import FreeSpace
from skycam_project.common.clock import iso_utc, microseconds_utc
from skycam_project.common.errors import SkycamError
from skycam_project.common.files import claimed, write_atomic

FOLDER = ".import"
Progress = Callable[[int, int], None]


class ImportBusyError(StoreError):
    """Another import is at work in this data folder."""

    code = "import_busy"


def take(plan: Plan, root: Path, progress: Progress | None = None) -> list[Finished]:
    """Make all planned sessions; a file that has changed since the plan, or cannot be read, is left out and named.

    Args:
        plan: from `plan.plan`; its `problems` grow.
        root: the folder of sessions.
        progress: told files done and files in all.

    Raises `ImportBusyError`, `OSError` (a full disk): sessions made until then stay.
    """
    layout = Layout(root)
    layout.prepare()
    total, done, finished = sum(len(one.items) for one in plan.sessions), 0, []
    with _alone(root / FOLDER) as staging:
        for planned in plan.sessions:

            def tell(within: int, before: int = done) -> None:
                if progress:
                    progress(before + within, total)

            finished.append(_make(planned, layout, staging, plan, tell))
            done += len(planned.items)
    return finished


@contextmanager
def _alone(staging: Path) -> Iterator[Path]:
    """The staging folder, without what a killed import left, for one import at a time."""
    staging.mkdir(exist_ok=True)
    with claimed(staging / "lock") as mine:
        if not mine:
            raise ImportBusyError("another import is running in this data folder; wait for it")
        for left in staging.glob("*.partial"):
            shutil.rmtree(left)
        yield staging


def _make(
    planned: Planned, layout: Layout, staging: Path, plan: Plan, tell: Callable[[int], None]
) -> Finished:
    head = _head(planned)
    folder = staging / f"{planned.uuid}.partial"
    (folder / FRAMES).mkdir(parents=True)
    (folder / SEAL).touch()
    write_atomic(folder / HEAD, values.encode(head))
    now = [microseconds_utc(planned.start)]
    journal = JournalWriter(
        folder / OWNER, host.process_name(), lambda: now[0], head=head, monotonic=lambda: now[0] * 1000
    )
    space = FreeSpace(layout.root)
    session = Session(folder, head, journal, space)
    for number, item in enumerate(planned.items, 1):
        now[0] = microseconds_utc(moment(item))
        try:
            _add(session, item)
        except _ChangedError as error:
            plan.problems[item.path] = str(error)
        tell(number)
    now[0] = microseconds_utc(planned.end)
    names = {item.path.parent.name for item in planned.items}
    session.add_event(
        "imported",
        {
            "layout": planned.layout,
            "files": len(planned.items),
            "folders": sorted(names)[:20],
            "at": iso_utc(datetime.now(UTC)),
        },
    )
    session.end("complete")
    return finalise(layout, folder, head, space)


class _ChangedError(SkycamError):
    """A file is not what it was when the plan was made."""


def _add(session: Session, item: Item) -> None:
    try:
        data = item.path.read_bytes()
    except OSError as error:
        raise _ChangedError(f"it cannot be read: {error.strerror}") from None
    if hashlib.sha256(data).hexdigest() != item.sha256:
        raise _ChangedError("it was changed while it was imported; import it again")
    details = dict(item.values)
    if item.kind != "Light Frame":
        details["image_type"] = item.kind
    session.add_original(
        item.camera, data, file_name=item.path.name, info=item.info, time=item.time, **details
    )


def _head(planned: Planned) -> dict[str, Any]:
    start = planned.start
    meta: dict[str, Any] = {}
    for item in planned.items:
        meta = {**item.meta, **meta}
    place = metadata.location(meta.pop("location", None))
    name = next(ids.candidates(planned.kind, planned.target, planned.instrument, start))
    return {
        "schema_version": tree.SCHEMA_VERSION,
        "session_id": name,
        "uuid": str(planned.uuid),
        "session_type": planned.kind.value,
        "instrument": planned.instrument,
        "start_time": metadata.iso(microseconds_utc(start)),
        "target": planned.target,
        "purpose": None,
        "location": place,
        "software": host.software(),
        "host": host.host_name(),
        "timezone": host.timezone(),
        "boots": [host.boot_id()],
        "codec": Codec.BLSC.value,
        "storage": "embedded",
        "embed_limit": EMBED_LIMIT,
        "meta": metadata.session_meta(meta)
        | {"imported": {"layout": planned.layout, "at": iso_utc(datetime.now(UTC))}},
    }
