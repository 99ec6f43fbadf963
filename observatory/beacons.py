"""Which colour the beacons show for what happens: the most urgent first."""

from typing import NamedTuple

from observatory.standing import Standing
from skycam_project.common.units import Seconds


class Signal(NamedTuple):
    """Colour (0..255 each), blink (0: steady), and why."""

    colour: tuple[int, int, int]
    period_s: Seconds
    why: str


FAULT = Signal((255, 0, 0), 1.0, "fault")
SLEWING = Signal((255, 120, 0), 0.0, "slewing")
PARKED = Signal((0, 0, 0), 0.0, "parked")
NOT_TRACKING = Signal((255, 120, 0), 2.0, "tracking is off")
TRACKING = Signal((0, 40, 0), 0.0, "tracking")
IDLE = Signal((0, 0, 0), 0.0, "idle")


def signal(now: Standing) -> Signal:
    """What to show."""
    if now.fault:
        return FAULT
    if now.slewing:
        return SLEWING
    if now.parked:
        return PARKED
    if not now.connected:
        return IDLE
    return TRACKING if now.tracking else NOT_TRACKING
