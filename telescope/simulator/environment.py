"""Air, battery and the sensor's temperature."""

import math

from skycam_project.common.clock import Clock
from skycam_project.common.units import Celsius, Seconds

SENSOR_ABOVE_AIR = 10.0
"""A working sensor is this much warmer than the air [chosen; one session shows 13-17 °C, night unknown]."""
WARM_UP: Seconds = 900.0
"""Time constant of the warming sensor [chosen]."""
HOURS_PER_CHARGE = 5.0
"""A charge lasts this long [chosen]."""


class Environment:
    """What surrounds the device.

    Args:
        clock: simulated time.
        night: air temperature at creation; it falls half a degree an hour.
        battery: per cent at creation.
    """

    def __init__(self, clock: Clock, night: Celsius = 10.0, battery: float = 100.0) -> None:
        self._clock = clock
        self._start = clock.monotonic()
        self._night = night
        self._battery = battery

    def _hours(self) -> float:
        return (self._clock.monotonic() - self._start) / 3600.0

    def set(self, air: Celsius | None = None, battery: float | None = None) -> None:
        """Begin again with another air temperature or charge."""
        night = self.air() if air is None else air
        charge = float(self.battery()) if battery is None else battery
        self._start, self._night, self._battery = self._clock.monotonic(), night, charge

    def air(self) -> Celsius:
        """Temperature of the air."""
        return self._night - 0.5 * self._hours()

    def sensor(self) -> Celsius:
        """Temperature of the sensors: warming from the air's."""
        warm = 1.0 - math.exp(-(self._clock.monotonic() - self._start) / WARM_UP)
        return self.air() + SENSOR_ABOVE_AIR * warm

    def battery(self) -> int:
        """Charge in per cent, never below 1 (the device does not die of it)."""
        return max(1, round(self._battery - 100.0 * self._hours() / HOURS_PER_CHARGE))
