"""ITelescopeV4 for an alt-azimuth smart telescope.

The target that a client sets for its next slew is kept here and starts anew with the web server.
"""

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, ClassVar

from alpaca.devices.base import Device, MirrorLike, demand_range, refuse_value
from alpaca.devices.facts import Optics, Site
from alpaca.protocol.errors import InvalidOperationError, InvalidWhileParkedError, ValueNotSetError
from alpaca.protocol.types import AlignmentMode, DriveRate, EquatorialSystem, TelescopeAxis
from skycam_project.common.units import Degrees, Hours, Metres

AXES = (TelescopeAxis.PRIMARY, TelescopeAxis.SECONDARY)
"""Azimuth and altitude can be moved by hand; there is no third axis."""
FASTEST_DEG_S = 30.0
"""Speed that both motors reach, degrees per second."""


class Telescope(Device):
    """Slews are asynchronous only: a blocking call would outlive every client's patience."""

    device_type = "Telescope"
    description = "Skycam smart telescope"
    fixed: ClassVar[Mapping[str, Any]] = {
        "AlignmentMode": AlignmentMode.ALT_AZ,
        "AtHome": False,
        "CanFindHome": False,
        "CanPark": True,
        "CanPulseGuide": False,
        "CanSetDeclinationRate": False,
        "CanSetGuideRates": False,
        "CanSetPark": False,
        "CanSetPierSide": False,
        "CanSetRightAscensionRate": False,
        "CanSetTracking": True,
        "CanSlew": False,
        "CanSlewAltAz": False,
        "CanSlewAltAzAsync": False,
        "CanSlewAsync": True,
        "CanSync": False,
        "CanSyncAltAz": False,
        "CanUnpark": True,
        "DeclinationRate": 0.0,
        "EquatorialSystem": EquatorialSystem.J2000,
        "RightAscensionRate": 0.0,
        "TrackingRate": DriveRate.SIDEREAL,
        "TrackingRates": [DriveRate.SIDEREAL],
    }

    def __init__(self, mirror: MirrorLike, *, site: Site | None, optics: Optics, **facts: Any) -> None:
        super().__init__(mirror, **facts)
        self._site, self.optics = site, optics
        self._target: dict[str, float] = {}

    @property
    def mount(self) -> dict[str, Any]:
        """Pointing and motion, as the host publishes it."""
        return self.state["mount"]

    @property
    def site(self) -> Site:
        """Where it stands. Raises `InvalidOperationError` as long as nobody has said."""
        if self._site is None:
            raise InvalidOperationError(f"{self.name}: the site is not set; give its latitude and longitude.")
        return self._site

    # ---- where it points

    def get_right_ascension(self) -> Hours:
        return self.mount["ra_hours"]

    def get_declination(self) -> Degrees:
        return self.mount["dec_deg"]

    def get_altitude(self) -> Degrees:
        return self.mount["altitude_deg"]

    def get_azimuth(self) -> Degrees:
        return self.mount["azimuth_deg"]

    def get_slewing(self) -> bool:
        return self.mount["slewing"]

    def get_tracking(self) -> bool:
        return self.mount["tracking"]

    def get_at_park(self) -> bool:
        return self.mount["parked"]

    def get_sidereal_time(self) -> Hours:
        return local_sidereal_time(datetime.now(UTC), self.site.longitude_deg)

    def get_utc_date(self) -> str:
        return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")

    # ---- what it is and where it stands

    def get_focal_length(self) -> Metres:
        return self.optics.focal_length_mm / 1000

    def get_aperture_diameter(self) -> Metres:
        return self.optics.aperture_mm / 1000

    def get_aperture_area(self) -> float:
        return math.pi / 4 * self.get_aperture_diameter() ** 2

    def get_site_latitude(self) -> Degrees:
        return self.site.latitude_deg

    def get_site_longitude(self) -> Degrees:
        return self.site.longitude_deg

    def get_site_elevation(self) -> Metres:
        return self.site.elevation_m

    # ---- target and slews

    def get_target_right_ascension(self) -> Hours:
        return self._target_value("ra_hours", "TargetRightAscension")

    def get_target_declination(self) -> Degrees:
        return self._target_value("dec_deg", "TargetDeclination")

    def _target_value(self, key: str, name: str) -> float:
        value = self._target.get(key, self.mount[f"target_{key}"])
        if value is None:
            raise ValueNotSetError(f"{name} has not been set yet.")
        return value

    async def put_target_right_ascension(self, target_right_ascension: Hours) -> None:
        demand_range("TargetRightAscension", target_right_ascension, 0, 24, open_end=True)
        self._target["ra_hours"] = target_right_ascension

    async def put_target_declination(self, target_declination: Degrees) -> None:
        demand_range("TargetDeclination", target_declination, -90, 90)
        self._target["dec_deg"] = target_declination

    async def put_slew_to_coordinates_async(self, right_ascension: Hours, declination: Degrees) -> None:
        demand_range("RightAscension", right_ascension, 0, 24, open_end=True)
        demand_range("Declination", declination, -90, 90)
        await self._slew(right_ascension, declination)

    async def put_slew_to_target_async(self) -> None:
        self._demand_unparked()
        await self._slew(self.get_target_right_ascension(), self.get_target_declination())

    async def _slew(self, ra_hours: Hours, dec_deg: Degrees) -> None:
        self._demand_unparked()
        if not self.mount["tracking"]:
            raise InvalidOperationError(f"{self.name} does not track; set Tracking first.")
        self._target = {"ra_hours": ra_hours, "dec_deg": dec_deg}
        await self.call("slew", ra_hours=ra_hours, dec_deg=dec_deg)

    async def put_abort_slew(self) -> None:
        self._demand_unparked()
        await self.call("abort_slew")

    # ---- tracking, axes, park

    async def put_tracking(self, tracking: bool) -> None:
        if tracking:
            self._demand_unparked()
        await self.call("track", on=tracking)

    async def put_tracking_rate(self, tracking_rate: int) -> None:
        if tracking_rate != DriveRate.SIDEREAL:
            refuse_value("TrackingRate", tracking_rate, "0 (sidereal)")

    def get_axis_rates(self, axis: int) -> list[dict[str, float]]:
        if axis not in list(TelescopeAxis):
            refuse_value("Axis", axis, "0, 1, 2")
        # A minimum of 0 says what is true of this mount: any speed up to the fastest.
        return [{"Maximum": FASTEST_DEG_S, "Minimum": 0.0}] if axis in AXES else []

    def get_can_move_axis(self, axis: int) -> bool:
        return bool(self.get_axis_rates(axis))

    async def put_move_axis(self, axis: int, rate: float) -> None:
        if axis not in AXES:
            refuse_value("Axis", axis, "0 (azimuth), 1 (altitude)")
        self._demand_unparked()
        demand_range("Rate", rate, -FASTEST_DEG_S, FASTEST_DEG_S)
        await self.call("move_axis", axis=axis, rate_deg_s=rate)

    async def put_park(self) -> None:
        if not self.mount["parked"]:
            await self.call("park")

    async def put_unpark(self) -> None:
        if self.mount["parked"]:
            await self.call("unpark")

    def _demand_unparked(self) -> None:
        if self.mount["parked"]:
            raise InvalidWhileParkedError(f"{self.name} is parked; unpark it first.")


def local_sidereal_time(moment: datetime, longitude_east: Degrees) -> Hours:
    """Mean sidereal time, good to 0.1 s within 50 years of 2000 (IAU 2006 expression, UT1 taken as UTC).

    0 <= result < 24.
    """
    days = (moment - datetime(2000, 1, 1, 12, tzinfo=UTC)).total_seconds() / 86400
    centuries = days / 36525
    rotation = 360 * (0.7790572732640 + 1.00273781191135448 * days)  # Earth rotation angle
    precession = (4612.156534 * centuries + 1.3915817 * centuries**2) / 3600
    return (rotation + precession + longitude_east) % 360 / 15 % 24
