"""IFilterWheelV3."""

from typing import Any

from alpaca.devices.base import Device, refuse_value


class FilterWheel(Device):
    """The filters of a telescope, by position from 0."""

    device_type = "FilterWheel"
    description = "Skycam filter wheel"

    @property
    def wheel(self) -> dict[str, Any]:
        """`contract.FilterWheel`."""
        return self.state["filterwheel"]

    def get_names(self) -> list[str]:
        return self.wheel["names"]

    def get_focus_offsets(self) -> list[int]:
        return [0] * len(self.wheel["names"])  # the telescope refocuses by itself

    def get_position(self) -> int:
        return -1 if self.wheel["moving"] else self.wheel["position"]

    async def put_position(self, position: int) -> None:
        last = len(self.wheel["names"]) - 1
        if not 0 <= position <= last:
            refuse_value("Position", position, f"0 to {last}")
        await self.call("select_filter", position=position)
