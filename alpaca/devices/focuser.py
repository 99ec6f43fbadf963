"""IFocuserV4 for an absolute focuser."""

from collections.abc import Mapping
from typing import Any, ClassVar

from alpaca.devices.base import Device


class Focuser(Device):
    """Positions in steps from 0; a target outside the travel goes to its end, as the interface wants it."""

    device_type = "Focuser"
    description = "Skycam focuser"
    fixed: ClassVar[Mapping[str, Any]] = {"Absolute": True, "TempComp": False, "TempCompAvailable": False}

    @property
    def focuser(self) -> dict[str, Any]:
        """`contract.Focuser`."""
        return self.state["focuser"]

    def get_position(self) -> int:
        return self.focuser["position"]

    def get_is_moving(self) -> bool:
        return self.focuser["moving"]

    def get_max_step(self) -> int:
        return self.focuser["max_step"]

    def get_max_increment(self) -> int:
        return self.focuser["max_step"]

    async def put_move(self, position: int) -> None:
        await self.call("move_focuser", position=min(max(position, 0), self.focuser["max_step"]))

    async def put_halt(self) -> None:
        await self.call("halt_focuser")
