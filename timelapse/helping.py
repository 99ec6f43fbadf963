"""A worker beside the one that `up` runs, on this machine or another: it takes jobs and nothing else.

It needs no broker, because the table is the queue: it looks there itself. It hosts no device, keeps no schedule and
follows no night.
"""

import logging

from django.db import DatabaseError, close_old_connections

from skycam_project.common.units import Seconds
from timelapse import queue, running, services

log = logging.getLogger(__name__)

LOOK: Seconds = 5.0
"""Between two looks at a table without work."""


def work(look: Seconds = LOOK) -> None:
    """Take one job after another until `running.stopping` is set; a database that is away is waited for."""
    while not running.stopping.is_set():
        try:
            queue.sweep()
            worked = services.work_once()
        except DatabaseError as error:
            log.warning("the database does not answer, tried again: %s", str(error).strip())
            worked = False
        close_old_connections()
        if not worked:
            running.stopping.wait(look)
