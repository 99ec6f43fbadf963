"""`python -m timelapse.night_child SESSION RESULTS MEGAPIXELS`: the night products of one running session.

Ends when the session does, or on SIGTERM; either way what it has is saved, and the next one goes on there. SESSION is
the folder of a running session, or the file of one that ended while nobody followed it. Frames of more MEGAPIXELS are
halved until they fit.
"""

import logging
import os
import shutil
import signal
import sys
import threading
import time
from collections.abc import Mapping
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any

from skycam_project.common import allocator

if __name__ == "__main__":
    allocator.prepare(allocator.SMALL)  # before anything heavy is imported

from sessions import provenance
from sessions.calibration.lookup import corrections_of
from sessions.store.layout import Layout
from sessions.store.metadata import parse_iso
from skycam_project.common.clock import from_microseconds
from skycam_project.common.errors import SkycamError
from skycam_project.common.nights import evening, site_zone
from skycam_project.common.parent_pipe import leave_with_parent
from skycam_project.common.units import Seconds
from timelapse import making, seasons, sidecar
from timelapse.night import kinds, products
from timelapse.night.engine import NightProducts
from timelapse.night.growing import Acknowledged, Growing
from timelapse.night.reading import Reader
from timelapse.night.source import session_meta
from timelapse.pipeline.frames import open_source

log = logging.getLogger("timelapse.night")

KIND = "night"
LOOK: Seconds = 5.0
SHOW: Seconds = 60.0
"""Between two snapshots, when there are new frames."""
SEALED: Seconds = 1800.0
"""How long a session that has ended may take to become its file."""


class Following:
    """The night products of one camera of one running session.

    Args:
        session: its folder.
        results: folder of the products, described like any other product.
        options: of the kind `night`.
    """

    def __init__(self, session: Path, results: Path, options: Mapping[str, Any] | None = None) -> None:
        self.session, self.results = session, results
        self.meta = session_meta(session)
        self.began = parse_iso(self.meta["start_time"])
        self.layout = Layout(session.parent.parent)
        self.options = kinds.checked(KIND, options or {})
        self.growing = Growing(session, Reader(corrections=corrections_of(session)))
        self.title = ""
        self.products: NightProducts | None = None
        self._camera = ""

    @property
    def ended(self) -> bool:
        """Whether the instrument has gone on to another session."""
        return self.layout.current(str(self.meta["instrument"])) != self.session

    def take(self, stop: threading.Event) -> None:
        """Feed what has come. Raises `OSError` when the disk refuses."""
        news = self.growing.news()
        if self.products is None and news:
            self.products = self._begin(news[0])
        if self.products is None:
            return
        mine = [one for one in news if one.camera == self._camera]
        for frame in self.growing.read(self.products.wants, mine):
            self.products.append(frame)
            if stop.is_set():
                return

    def _begin(self, first: Acknowledged) -> NightProducts:
        said = self.growing.said(first)
        camera = products.camera_for(self.meta, said, self.options)
        moment: datetime = from_microseconds(first.record["at"])
        self._camera, self.title = first.camera, products.title_of(self.meta, moment, self.session.stem)
        return products.begin(KIND, self.results, camera, self.options, self.title)

    def show(self) -> None:
        """Pictures as they are now, with their description. Raises `OSError`."""
        if self.products is not None and self.products.snapshot():
            self.describe()

    def describe(self) -> None:
        """Say what the folder is, so that pages show it. Raises `OSError`."""
        describe(self.results, self.meta, self.title, self.products.scores() if self.products else {})

    def finish(self, stop: threading.Event) -> None:
        """The session has ended: make the films, and record what everything was made from.

        The record needs the session's file. While that is not written, what is remembered stays, and `complete` goes
        on from there when a crash has come between. Raises `OSError`.
        """
        if self.products is None:
            return
        self.products.finish()
        self.describe()
        lengthen(self.results, self.meta, self.products)
        log.info("%s has ended: %d frames in its night products", self.session.name, len(self.products))
        final = self.layout.final(str(self.meta["session_id"]), self.began)
        deadline = time.monotonic() + SEALED
        while not final.is_file() and time.monotonic() < deadline and not stop.wait(LOOK / 5):
            pass
        if not final.is_file():
            log.warning("%s has no file yet: its night products have no record", self.session.name)
            return
        reader = self.growing.reader
        found = {"camera": self._camera} | reader.found() | self.products.found()
        if self.growing.left_out:
            found["left_out"] = self.growing.left_out
        files = products.files_of(KIND, self.results)
        made = products.Made(files, found, reader.files(), self.products.scores())
        record(self.results, final, self.options, made)


def complete(session: Path, results: Path, wishes: Mapping[str, Any]) -> None:
    """Go on with products whose session became a file while nobody followed it. Raises `OSError`, `SkycamError`."""
    options, meta = kinds.checked(KIND, wishes), session_meta(session)
    with closing(open_source(session)) as source:
        made = products.make(
            KIND, source, options, results, after=lambda night: lengthen(results, meta, night)
        )
        first = next((frame.time for frame in source.frames if frame.time), None)
        describe(results, meta, products.title_of(meta, first, source.title), made.scores)
    record(results, session, options, made)


def lengthen(results: Path, meta: Mapping[str, Any], night: NightProducts) -> None:
    """Put the night into its camera's long-term keogram. Raises `OSError`."""
    seasons.add(results.parents[2], str(meta["instrument"]), night)


def describe(results: Path, meta: Mapping[str, Any], title: str, scores: Mapping[str, float]) -> None:
    """Write `product.json`; the uuid of an older one stays. Raises `OSError`."""
    try:
        uuid = {"uuid": sidecar.read(results).uuid}
    except sidecar.SidecarError:
        uuid = {}
    night = evening(parse_iso(meta["start_time"]), site_zone()).isoformat()
    facts = sidecar.Facts(
        kind=KIND, title=title, night=night, instrument=str(meta["instrument"]), session=str(meta["session_id"]),
        session_uuid=str(meta["uuid"]), files=sidecar.files_of(results, products.files_of(KIND, results)), scores=scores, **uuid,
    )  # fmt: skip
    sidecar.write(results, facts)


def record(results: Path, session: Path, options: Mapping[str, Any], made: products.Made) -> None:
    """Say what everything was made from; then nothing need be remembered. Raises `OSError`."""
    making.record_night(results, KIND, [provenance.of_session(session)], options, made)
    shutil.rmtree(results / ".state", ignore_errors=True)


def follow(session: Path, results: Path, options: Mapping[str, Any], stop: threading.Event) -> None:
    """Feed the products until the session ends or `stop` is set. Raises `OSError` when the disk refuses."""
    night = Following(session, results, options)
    shown, counted = 0.0, 0
    try:
        while not stop.is_set():
            ended = night.ended  # asked before the last look at the journal: nothing is missed
            night.take(stop)
            count = len(night.products) if night.products else 0
            if count != counted and time.monotonic() - shown > SHOW:
                night.show()
                shown, counted = time.monotonic(), count
            if ended and not stop.is_set():
                night.finish(stop)
                return
            stop.wait(LOOK)
        if night.products is not None:
            night.products.save()
    finally:
        night.growing.reader.close()


def main() -> int:
    """Run as a child of the processing worker."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    signal.signal(signal.SIGINT, lambda *_: stop.set())
    leave_with_parent()
    os.nice(10)
    session, results = (Path(name) for name in sys.argv[1:3])
    options = {"megapixels": float(sys.argv[3])}
    results.mkdir(parents=True, exist_ok=True)
    try:
        if session.is_file():
            complete(session, results, options)
        else:
            follow(session, results, options, stop)
    except (OSError, SkycamError) as error:
        log.error("night products of %s: %s", session.name, error)
        if isinstance(error, SkycamError) and session.is_file():
            shutil.rmtree(results / ".state", ignore_errors=True)  # the next try would end the same
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
