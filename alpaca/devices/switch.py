"""ISwitchV3 over a list of switches; what they are, a subclass says."""

from dataclasses import dataclass
from typing import Any, ClassVar

from alpaca.devices.base import Device, demand_range, refuse_value


@dataclass(frozen=True, slots=True)
class Member:
    """One switch as it stands now: 0 to `maximum`, in whole steps.

    Attributes:
        key: what the subclass knows it by.
        name: that people see.
        maximum: 1 for a plain on and off.
        writable: whether there is something to switch.
    """

    key: str
    name: str
    description: str
    value: int
    maximum: int = 1
    writable: bool = True


class Switch(Device):
    """Nothing takes time, names are not the client's to change."""

    device_type: ClassVar[str] = "Switch"
    description: ClassVar[str] = "Skycam switches"

    def members(self) -> list[Member]:
        """The switches in the order of their Ids."""
        raise NotImplementedError

    async def set_member(self, member: Member, value: int) -> None:
        """Bring a switch to a value."""
        raise NotImplementedError

    def _member(self, id: int) -> Member:
        members = self.members()
        if not 0 <= id < len(members):
            refuse_value("Id", id, f"0 to {len(members) - 1}")
        return members[id]

    def _writable(self, id: int, name: str) -> Member:
        member = self._member(id)
        if not member.writable:
            raise self._not_offered(name)
        return member

    def get_max_switch(self) -> int:
        return len(self.members())

    def get_can_write(self, id: int) -> bool:
        return self._member(id).writable

    def get_can_async(self, id: int) -> bool:
        self._member(id)
        return False

    def get_get_switch(self, id: int) -> bool:
        return self._member(id).value > 0

    def get_get_switch_value(self, id: int) -> float:
        return float(self._member(id).value)

    def get_get_switch_name(self, id: int) -> str:
        return self._member(id).name

    def get_get_switch_description(self, id: int) -> str:
        return self._member(id).description

    def get_min_switch_value(self, id: int) -> float:
        self._member(id)
        return 0.0

    def get_max_switch_value(self, id: int) -> float:
        return float(self._member(id).maximum)

    def get_switch_step(self, id: int) -> float:
        self._member(id)
        return 1.0

    def get_state_change_complete(self, id: int) -> bool:
        self._member(id)
        return True

    async def put_set_switch(self, id: int, state: bool) -> None:
        member = self._writable(id, "SetSwitch")
        await self.set_member(member, member.maximum if state else 0)

    async def put_set_switch_value(self, id: int, value: float) -> None:
        member = self._writable(id, "SetSwitchValue")
        demand_range("Value", value, 0, member.maximum)
        await self.set_member(member, round(value))

    async def put_set_switch_name(self, id: int, name: str) -> None:
        self._refuse(id, "SetSwitchName")

    async def put_set_async(self, id: int, state: bool) -> None:
        self._refuse(id, "SetAsync")

    async def put_set_async_value(self, id: int, value: float) -> None:
        self._refuse(id, "SetAsyncValue")

    async def put_cancel_async(self, id: int) -> None:
        self._refuse(id, "CancelAsync")

    def _refuse(self, id: int, name: str) -> None:
        """A wrong Id is told before a missing feature, as the interface wants it."""
        self._member(id)
        raise self._not_offered(name)

    def device_values(self) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = []
        for number, member in enumerate(self.members()):
            rows.append({"Name": f"GetSwitch{number}", "Value": member.value > 0})
            rows.append({"Name": f"GetSwitchValue{number}", "Value": float(member.value)})
            rows.append({"Name": f"StateChangeComplete{number}", "Value": True})
        return rows


class TelescopeSwitch(Switch):
    """What of a telescope can be switched on and off and is no member of another interface.

    Nothing that ends a night or lifts a protection: power and the solar mode are no switches.
    """

    description = "Skycam telescope switches"

    def members(self) -> list[Member]:
        text = "Check gotos by plate solving and correct them"
        return [
            Member("pointing_loop", "Closed-loop pointing", text, int(self.state["mount"]["pointing_loop"]))
        ]

    async def set_member(self, member: Member, value: int) -> None:
        await self.call("set_pointing_loop", on=value > 0)


class LightSwitch(Switch):
    """The lights: master, modes, then each fixture by its brightness.

    A fixture keeps its Id for ever; that of one which left the patch stays, dark and not writable.
    """

    description = "Skycam lights"
    FIRST = (
        ("master", "Master", "Master fader: scales every light but the flat panel", 255),
        ("dark", "Red only", "Mode for the night: red light only", 1),
        ("blackout", "No light", "Mode that keeps everything dark", 1),
    )

    def members(self) -> list[Member]:
        state = self.state
        values = {
            "master": state["master"],
            "dark": int(state["mode"] == "dark"),
            "blackout": int(state["mode"] == "blackout"),
        }
        first = [Member(key, name, text, values[key], most) for key, name, text, most in self.FIRST]
        patch = {fixture["name"]: fixture for fixture in state["fixtures"]}
        return first + [_fixture(patch[n]) if n in patch else _gone(n) for n in state["numbered"]]

    async def set_member(self, member: Member, value: int) -> None:
        if member.key == "master":
            await self.call("master", master=value)
        elif member.key in ("dark", "blackout"):
            if value or member.value:  # switching off a mode that is not on must not end another
                await self.call("mode", mode=member.key if value else "normal", by="alpaca")
        else:
            await self.call("brightness", name=member.name, value=value, maximum=member.maximum, by="alpaca")


def _fixture(fixture: dict[str, Any]) -> Member:
    text = f"Brightness of a light; role {fixture['role']}, {fixture['profile']}"
    if fixture["role"] == "main":  # document 004's colour has 8 bits, whatever the lamp has
        return Member("fixture", fixture["name"], text, max(fixture["colour"]), 255)
    most = 65535 if fixture["bits"] == 16 else 255
    return Member("fixture", fixture["name"], text, fixture["level"] * most // 65535, most)


def _gone(name: str) -> Member:
    return Member("gone", name, "This light is no longer in the patch", 0, writable=False)
