"""ITelescopeV4 for an alt-azimuth smart telescope."""

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, ClassVar

from alpaca.devices.base import Device, demand_range, refuse_value
from alpaca.protocol.errors import InvalidOperationError, InvalidWhileParkedError, ValueNotSetError
from alpaca.protocol.types import AlignmentMode, DriveRate, EquatorialSystem, TelescopeAxis
from skycam_project.common.units import Degrees, Hours

AXES = (TelescopeAxis.PRIMARY, TelescopeAxis.SECONDARY)
"""Azimuth and altitude can be moved by hand; there is no third axis."""


class Telescope(Device):
    """Slews are asynchronous only: a blocking call would outlive every client's patience."""

    device_type = "Telescope"
    description = "Skycam smart telescope"
    fixed: ClassVar[Mapping[str, Any]] = {
        "AlignmentMode": AlignmentMode.ALT_AZ,
        "AtHome": False,
        "CanFindHome": False,
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
        "DeclinationRate": 0.0,
        "EquatorialSystem": EquatorialSystem.J2000,
        "RightAscensionRate": 0.0,
        "TrackingRate": DriveRate.SIDEREAL,
        "TrackingRates": [DriveRate.SIDEREAL],
    }

    @property
    def mount(self) -> dict[str, Any]:
        """`contract.Mount`."""
        return self.state["mount"]

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
        return local_sidereal_time(datetime.now(UTC), self.state["site"]["longitude_deg"])

    def get_utc_date(self) -> str:
        return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")

    # ---- what it is and where it stands

    def get_can_park(self) -> bool:
        return self.mount["can_park"]

    def get_can_unpark(self) -> bool:
        return self.mount["can_park"]

    def get_focal_length(self) -> float:
        return self.state["optics"]["focal_length_m"]

    def get_aperture_diameter(self) -> float:
        return self.state["optics"]["aperture_m"]

    def get_aperture_area(self) -> float:
        return math.pi / 4 * self.state["optics"]["aperture_m"] ** 2

    def get_site_latitude(self) -> Degrees:
        return self.state["site"]["latitude_deg"]

    def get_site_longitude(self) -> Degrees:
        return self.state["site"]["longitude_deg"]

    def get_site_elevation(self) -> float:
        return self.state["site"]["elevation_m"]

    # ---- target and slews

    def get_target_right_ascension(self) -> Hours:
        return self._target("ra_hours", "TargetRightAscension")

    def get_target_declination(self) -> Degrees:
        return self._target("dec_deg", "TargetDeclination")

    def _target(self, key: str, name: str) -> float:
        value = self.mount["target"][key]
        if value is None:
            raise ValueNotSetError(f"{name} has not been set yet.")
        return value

    async def put_target_right_ascension(self, target_right_ascension: Hours) -> None:
        demand_range("TargetRightAscension", target_right_ascension, 0, 24, open_end=True)
        await self.call("set_target", ra_hours=target_right_ascension, dec_deg=None)

    async def put_target_declination(self, target_declination: Degrees) -> None:
        demand_range("TargetDeclination", target_declination, -90, 90)
        await self.call("set_target", ra_hours=None, dec_deg=target_declination)

    async def put_slew_to_coordinates_async(self, right_ascension: Hours, declination: Degrees) -> None:
        demand_range("RightAscension", right_ascension, 0, 24, open_end=True)
        demand_range("Declination", declination, -90, 90)
        self._demand_unparked()
        self._demand_tracking()
        await self.call("slew", ra_hours=right_ascension, dec_deg=declination, name="")

    async def put_slew_to_target_async(self) -> None:
        self._demand_unparked()
        ra_hours, dec_deg = self.get_target_right_ascension(), self.get_target_declination()
        self._demand_tracking()
        await self.call("slew", ra_hours=ra_hours, dec_deg=dec_deg, name="")

    async def put_abort_slew(self) -> None:
        self._demand_unparked()
        await self.call("abort_slew")

    # ---- tracking, axes, park

    async def put_tracking(self, tracking: bool) -> None:
        if tracking:
            self._demand_unparked()
        await self.call("set_tracking", on=tracking)

    async def put_tracking_rate(self, tracking_rate: int) -> None:
        if tracking_rate != DriveRate.SIDEREAL:
            refuse_value("TrackingRate", tracking_rate, "0 (sidereal)")

    def get_axis_rates(self, axis: int) -> list[dict[str, float]]:
        fastest = self.mount["axis_rate_max_deg_s"]
        # A minimum of 0 says what is true of this mount: any speed up to the fastest.
        return [{"Maximum": fastest, "Minimum": 0.0}] if self._axis(axis) in AXES and fastest else []

    def get_can_move_axis(self, axis: int) -> bool:
        return bool(self.get_axis_rates(axis))

    async def put_move_axis(self, axis: int, rate: float) -> None:
        rates = self.get_axis_rates(axis)
        if not rates:
            refuse_value("Axis", axis, "0 (azimuth), 1 (altitude)")
        self._demand_unparked()
        demand_range("Rate", rate, -rates[0]["Maximum"], rates[0]["Maximum"])
        await self.call("move_axis", axis=axis, rate_deg_s=rate)

    @staticmethod
    def _axis(axis: int) -> int:
        if axis not in list(TelescopeAxis):
            refuse_value("Axis", axis, "0, 1, 2")
        return axis

    async def put_park(self) -> None:
        if not self.mount["can_park"]:
            raise self._not_offered("Park")
        if not self.mount["parked"]:
            await self.call("park")

    async def put_unpark(self) -> None:
        if not self.mount["can_park"]:
            raise self._not_offered("Unpark")
        if self.mount["parked"]:
            await self.call("unpark")

    def _demand_unparked(self) -> None:
        if self.mount["parked"]:
            raise InvalidWhileParkedError(f"{self.name} is parked; unpark it first.")

    def _demand_tracking(self) -> None:
        if not self.mount["tracking"]:
            raise InvalidOperationError(f"{self.name} does not track; set Tracking first.")


def local_sidereal_time(moment: datetime, longitude_east: Degrees) -> Hours:
    """Mean sidereal time, good to 0.1 s within 50 years of 2000 (IAU 2006 expression, UT1 taken as UTC).

    0 <= result < 24.
    """
    days = (moment - datetime(2000, 1, 1, 12, tzinfo=UTC)).total_seconds() / 86400
    centuries = days / 36525
    rotation = 360 * (0.7790572732640 + 1.00273781191135448 * days)  # Earth rotation angle
    precession = (4612.156534 * centuries + 1.3915817 * centuries**2) / 3600
    return (rotation + precession + longitude_east) % 360 / 15 % 24
