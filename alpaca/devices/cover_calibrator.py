"""ICoverCalibratorV2 for a flat panel without a cover: the lights' fixture of role `flat-panel`."""

from collections.abc import Mapping
from typing import Any, ClassVar

from alpaca.devices.base import Device, refuse_value
from alpaca.protocol.types import CalibratorStatus, CoverStatus

BY = "alpaca"
"""The sender's name in the lights' state."""
_STANDINGS = {
    "off": CalibratorStatus.OFF,
    "changing": CalibratorStatus.NOT_READY,
    "ready": CalibratorStatus.READY,
    "fault": CalibratorStatus.ERROR,
}


class CoverCalibrator(Device):
    """Ready when an output has sent the brightness to the panel; a disconnect leaves the panel as it is."""

    device_type = "CoverCalibrator"
    description = "Skycam flat panel"
    fixed: ClassVar[Mapping[str, Any]] = {"CoverState": CoverStatus.NOT_PRESENT, "CoverMoving": False}

    @property
    def panel(self) -> dict[str, Any]:
        """Brightness and standing, as the host publishes them."""
        return self.state["panel"]

    @property
    def connection(self) -> Mapping[str, Any]:
        """Not there until the patch of the lights has a panel."""
        if self.panel["fixture"] is None:
            problem = "no light has the role flat-panel; add one on the page Lights"
            return {"connected": False, "connecting": False, "problem": problem}
        return super().connection

    def get_calibrator_state(self) -> int:
        return _STANDINGS[self.panel["standing"]]

    def get_calibrator_changing(self) -> bool:
        return self.panel["standing"] == "changing"

    def get_brightness(self) -> int:
        return self.panel["brightness"]

    def get_max_brightness(self) -> int:
        return self.panel["maximum"]

    async def put_calibrator_on(self, brightness: int) -> None:
        if not 0 <= brightness <= self.panel["maximum"]:
            refuse_value("Brightness", brightness, f"0 to {self.panel['maximum']}")
        await self.call("panel_on", brightness=brightness, by=BY)

    async def put_calibrator_off(self) -> None:
        await self.call("panel_off", by=BY)
