"""IFocuserV4 for an absolute focuser."""

from collections.abc import Mapping
from typing import Any, ClassVar

from alpaca.devices.base import Device
from alpaca.protocol.errors import InvalidOperationError


class Focuser(Device):
    """Positions in steps from 0; a target outside the travel goes to its end, as the interface wants it."""

    device_type = "Focuser"
    description = "Skycam focuser"
    fixed: ClassVar[Mapping[str, Any]] = {"Absolute": True, "TempComp": False, "TempCompAvailable": False}

    @property
    def focus(self) -> dict[str, Any]:
        """Position and travel, as the host publishes it."""
        return self.state["focus"]

    def get_position(self) -> int:
        position = self.focus["position"]
        if position is None:
            raise InvalidOperationError(f"{self.name} has not told its position yet; move it once.")
        return position

    def get_is_moving(self) -> bool:
        return self.focus["moving"]

    def get_max_step(self) -> int:
        return self.focus["maximum"]

    def get_max_increment(self) -> int:
        return self.focus["maximum"]

    async def put_move(self, position: int) -> None:
        await self.call("focus_move", position=min(max(position, 0), self.focus["maximum"]))

    async def put_halt(self) -> None:
        await self.call("focus_halt")
