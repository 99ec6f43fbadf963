"""IFilterWheelV3."""

from typing import Any

from alpaca.devices.base import Device, refuse_value
from alpaca.protocol.errors import InvalidOperationError


class FilterWheel(Device):
    """The filters of a telescope, by position from 0."""

    device_type = "FilterWheel"
    description = "Skycam filter wheel"

    @property
    def wheel(self) -> dict[str, Any]:
        """Filters and position, as the host publishes it."""
        return self.state["filters"]

    def get_names(self) -> list[str]:
        return self.wheel["names"]

    def get_focus_offsets(self) -> list[int]:
        return self.wheel["focus_offsets"]

    def get_position(self) -> int:
        position = self.wheel["position"]
        if position is None:
            raise InvalidOperationError(f"{self.name} has not told its filter yet; choose one.")
        return position  # -1 while it turns, here and in the interface

    async def put_position(self, position: int) -> None:
        last = len(self.wheel["names"]) - 1
        if not 0 <= position <= last:
            refuse_value("Position", position, f"0 to {last}")
        await self.call("set_filter", position=position)
