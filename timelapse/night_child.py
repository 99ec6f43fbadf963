"""`python -m timelapse.night_child SESSION RESULTS`: the night products of one running session.

Ends when the session does, or on SIGTERM; either way what it has is saved, and the next one goes on there.
"""

import logging
import os
import signal
import sys
import threading
import time
from pathlib import Path

from sessions.store.layout import Layout
from skycam_project.common.nights import site_zone
from skycam_project.common.parent_pipe import leave_with_parent
from skycam_project.common.units import Seconds
from timelapse.night.engine import NightProducts, Wishes
from timelapse.night.frames import Camera
from timelapse.night.growing import Growing
from timelapse.night.source import session_meta, site_of

log = logging.getLogger("timelapse.night")

LOOK: Seconds = 5.0
SHOW: Seconds = 60.0
"""Between two snapshots, when there are new frames."""
LIVE_PARTS = frozenset({"keogram", "trails", "curves", "meteors", "mini", "startrail_film"})


def follow(session: Path, results: Path, stop: threading.Event) -> None:
    """Feed the products until the session ends or `stop` is set. Raises `OSError` when the disk refuses."""
    meta = session_meta(session)
    instrument = str(meta.get("instrument") or "")
    tracked = instrument.startswith(("telescope", "dwarf"))
    parts = LIVE_PARTS | {"stack"} if tracked else LIVE_PARTS
    title = str(meta.get("target") or instrument)
    camera = Camera(site_of(meta.get("location")), tracked=tracked)
    products = NightProducts(results, camera, Wishes(parts, title, site_zone()))
    growing, layout = Growing(session), Layout(session.parent.parent)
    shown, counted = 0.0, -1
    while not stop.is_set():
        current = layout.current(instrument)
        for frame in growing.read(products.wants, growing.news()):
            products.append(frame)
            if stop.is_set():
                break
        if len(products) != counted and time.monotonic() - shown > SHOW:
            products.snapshot()
            shown, counted = time.monotonic(), len(products)
        if current != session:  # asked before the last look at the journal: nothing is missed
            log.info("%s has ended: %d frames in its night products", session.name, len(products))
            products.finish()
            return
        stop.wait(LOOK)
    products.save()


def main() -> int:
    """Run as a child of the processing worker."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    signal.signal(signal.SIGINT, lambda *_: stop.set())
    leave_with_parent()
    os.nice(10)
    session, results = (Path(name) for name in sys.argv[1:3])
    results.mkdir(parents=True, exist_ok=True)
    try:
        follow(session, results, stop)
    except OSError as error:
        log.error("night products of %s: %s", session.name, error)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
