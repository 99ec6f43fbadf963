"""What the telescope's time stamps mean in UTC.

The card DATE-OBS and the file name say when an exposure *ended*, by the telescope's clock, in a zone that it
does not tell. We set its clock and zone to UTC when connecting; a telescope that keeps local time all the
same differs by whole quarters of an hour, which are found from the first file that is seen soon after its
exposure. A stamp that cannot be explained so is not believed.
"""

import logging
import math
from datetime import UTC, datetime, timedelta

logger = logging.getLogger(__name__)

QUARTER = timedelta(minutes=15)
AHEAD = timedelta(seconds=60)
"""How far the telescope's clock may be ahead of ours."""
FARTHEST_ZONE = timedelta(hours=14)


class DeviceClock:
    """Translates stamps of one telescope."""

    def __init__(self) -> None:
        self.zone = timedelta(0)
        self._sure = False

    def utc(self, stamp: datetime, seen: datetime) -> datetime | None:
        """The moment that a stamp means.

        Args:
            stamp: naive, by the telescope's clock.
            seen: when the file was first seen here, aware; within 14 minutes of the stamp for the first file.

        Returns:
            Aware, UTC; None when the telescope's clock is wrong.
        """
        told = stamp.replace(tzinfo=UTC)
        delay = seen - (told - self.zone)
        if delay < -AHEAD or (delay >= QUARTER - AHEAD and not self._sure):
            zone = -QUARTER * math.floor((seen - told + AHEAD) / QUARTER)
            if abs(zone) > FARTHEST_ZONE:
                logger.warning("device clock wrong stamp=%s seen=%s", told.isoformat(), seen.isoformat())
                return None
            logger.info("device clock zone_minutes=%d", zone.total_seconds() // 60)
            self.zone = zone
        self._sure = True
        return told - self.zone
