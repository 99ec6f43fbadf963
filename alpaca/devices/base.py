"""What every Alpaca device of Skycam has in common: members common to all, connections, dispatch.

An adapter translates between one interface and the state and calls of a device's host. It holds no state of
the
device: it reads the mirror, so that two clients, two web processes and a restarted web server see the same.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from time import monotonic
from typing import Any, ClassVar, NoReturn, Protocol

from alpaca.devices.errors import ascom_error
from alpaca.protocol.errors import (
    ActionNotImplementedError,
    AlpacaError,
    DeviceNotConnectedError,
    InvalidAlpacaValueError,
    NotImplementedByDeviceError,
)
from alpaca.protocol.members import INTERFACES, Interface, Member
from alpaca.protocol.parsing import Call
from skycam_project.common.clock import iso_utc
from skycam_project.common.errors import SkycamError
from skycam_project.common.holders import connected_for
from skycam_project.common.units import Seconds

CALL_TIMEOUT: Seconds = 4.0
"""A client gives a call 5 s; a host answers when a command is accepted, not when it is done."""
LONGEST_CONNECT: Seconds = 60.0
"""After this `Connecting` ends, whatever the hardware does."""
DRIVER_VERSION = "1.0"
_OF_CLIENT = frozenset({"Connected", "Connect", "Disconnect"})
"""Members whose meaning depends on who calls."""


class MirrorLike(Protocol):
    """What an adapter needs of a link's mirror."""

    @property
    def state(self) -> dict[str, Any]:
        """The newest state; raises a `SkycamError` with code `not_connected` when there is none."""
        ...

    @property
    def problem(self) -> str:
        """Why the host counts as not connected; empty if all is well."""
        ...

    async def call(self, name: str, /, timeout: Seconds = ..., **args: Any) -> Any:
        """Have the host carry out a command; `state` then contains its effect. Raises `SkycamError`."""
        ...


class Device:
    """One logical device.

    A subclass names its `device_type` and offers members as methods: `get_<name>` and `put_<name>`, with the
    names and parameters of the table (`Member.attribute`, `Parameter.argument`), or as constants in `fixed`.
    Any other member of the interface answers "not implemented".

    Args:
        mirror: of the host that owns the hardware.
        part: the host's word for this logical device, e.g. `telescope`.
        number: in the URL.
        unique_id: for ever the same.
        name: that people see.
    """

    device_type: ClassVar[str]
    description: ClassVar[str]
    """At most 68 characters, the room on a FITS card."""
    fixed: ClassVar[Mapping[str, Any]] = {}
    interface: ClassVar[Interface]
    _getters: ClassVar[Mapping[str, Callable[..., Any]]]
    _putters: ClassVar[Mapping[str, Callable[..., Awaitable[Any]]]]

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        cls.interface = INTERFACES[cls.device_type.lower()]
        members = cls.interface.members.values()
        cls._getters = {
            member.name: getter
            for member in members
            if (getter := getattr(cls, f"get_{member.attribute}", None) or _constant(cls.fixed, member.name))
        }
        cls._putters = {
            member.name: putter
            for member in members
            if (putter := getattr(cls, f"put_{member.attribute}", None))
        }

    def __init__(self, mirror: MirrorLike, *, part: str, number: int, unique_id: str, name: str) -> None:
        self.mirror, self.part = mirror, part
        self.number, self.unique_id, self.name = number, unique_id, name
        self._pending: asyncio.Task[None] | None = None

    # ---- dispatch

    def read(self, member: Member, call: Call) -> Any:
        """The value of a member. Raises `AlpacaError`."""
        if not member.offline:
            self._demand_connection(call.client)
        getter = self._getters.get(member.name)
        if getter is None:
            raise self._not_offered(member.name)
        arguments = {"client": call.client} if member.name in _OF_CLIENT else call.arguments
        try:
            return getter(self, **arguments)
        except KeyError as error:
            raise self._not_reported(member.name, error) from error

    async def write(self, member: Member, call: Call) -> Any:
        """Carry out a PUT; returns the value of members that have one. Raises `AlpacaError`."""
        if not member.offline:
            self._demand_connection(call.client)
        putter = self._putters.get(member.name)
        if putter is None:
            raise self._not_offered(member.name)
        extra = {"client": call.client} if member.name in _OF_CLIENT else {}
        try:
            return await putter(self, **call.arguments, **extra)
        except KeyError as error:
            raise self._not_reported(member.name, error) from error

    def _not_reported(self, name: str, error: KeyError) -> AlpacaError:
        return AlpacaError(f"{self.name}: its host does not report {error}, which {name} needs.")

    def _not_offered(self, name: str) -> AlpacaError:
        return NotImplementedByDeviceError(f"{self.name} does not offer {name}.")

    def _demand_connection(self, client: int | None) -> None:
        if not self.is_connected(client):
            reason = self.mirror.problem or "connect it first"
            raise DeviceNotConnectedError(f"{self.name} is not connected: {reason}.")
        connection = self.connection
        if not connection["connected"]:
            reason = connection["problem"] or "still connecting"
            raise DeviceNotConnectedError(f"{self.name} cannot be reached: {reason}.")

    # ---- state and calls of the host

    @property
    def state(self) -> dict[str, Any]:
        """The host's newest state. Raises `AlpacaError`."""
        try:
            return self.mirror.state
        except SkycamError as error:
            raise ascom_error(error) from error

    @property
    def connection(self) -> Mapping[str, Any]:
        """How the hardware stands: `connected`, `connecting`, `problem`."""
        return self.state["connection"]

    async def call(self, name: str, /, **args: Any) -> Any:
        """A call to the host. Raises `AlpacaError`."""
        try:
            return await self.mirror.call(name, timeout=CALL_TIMEOUT, **args)
        except SkycamError as error:
            raise ascom_error(error) from error

    def is_connected(self, client: int | None) -> bool:
        """What a client reads: its own hold once it has connected or disconnected, else anybody's."""
        return not self.mirror.problem and connected_for(self.state["clients"], self.part, _name_of(client))

    def standing(self) -> tuple[str, str]:
        """For pages: `connected`, `free` or `fault`, and a few words why."""
        if self.mirror.problem:
            return "fault", self.mirror.problem
        state = self.state
        holding = len(state["clients"][self.part]["holding"])
        if not holding:
            return "free", "no client has connected it"
        if not self.connection["connected"]:
            return "fault", self.connection["problem"] or "still connecting"
        return "connected", f"connected by {holding} client{'s' if holding > 1 else ''}"

    # ---- connections

    async def tell_heard(self, client: int) -> None:
        """Tell the host that a client still speaks to this device."""
        with suppress(AlpacaError):  # the host is gone: it has no hold to keep
            await self.call("heard", clients={self.part: [_name_of(client)]})

    def get_connected(self, client: int | None) -> bool:
        return self.is_connected(client)

    async def put_connected(self, connected: bool, client: int | None) -> None:
        if connected:
            await self._connect(client)
        else:
            await self.call("disconnect", device=self.part, client=_name_of(client))

    async def _connect(self, client: int | None) -> None:
        """Hold the device. Hardware that needs longer than a client waits goes on in the background."""
        try:
            await self.call("connect", device=self.part, client=_name_of(client), patient=True)
        except DeviceNotConnectedError:
            if self.mirror.problem or self.connection["problem"]:
                with suppress(AlpacaError):  # why it could not be connected is what has to be told
                    await self.call("disconnect", device=self.part, client=_name_of(client))
                raise

    def get_connecting(self) -> bool:
        pending, self._pending = self._pending, None
        if pending is None:
            return False
        if not pending.done():
            self._pending = pending
            return True
        pending.result()  # raises what the connecting ended with, once
        return False

    async def put_connect(self, client: int | None) -> None:
        self._in_background(self._connect_to_the_end(client))

    async def put_disconnect(self, client: int | None) -> None:
        self._in_background(self.call("disconnect", device=self.part, client=_name_of(client)))

    async def _connect_to_the_end(self, client: int | None) -> None:
        await self._connect(client)
        end = monotonic() + LONGEST_CONNECT
        while not self.connection["connected"] and monotonic() < end:  # noqa: ASYNC110
            await asyncio.sleep(0.1)
        self._demand_connection(client)

    def _in_background(self, work: Coroutine[Any, Any, None]) -> None:
        """`Connecting` is true until `work` is done and tells its error once."""
        self._pending = task = asyncio.get_running_loop().create_task(work)
        task.add_done_callback(lambda done: done.cancelled() or done.exception())  # noticed, whoever asks

    # ---- members common to all devices

    def get_description(self) -> str:
        return self.description

    def get_name(self) -> str:
        return self.name

    def get_driver_info(self) -> str:
        return f"Skycam, {self.interface.device_type} {self.number}; the hardware belongs to its own process."

    def get_driver_version(self) -> str:
        return DRIVER_VERSION

    def get_interface_version(self) -> int:
        return self.interface.version

    def get_supported_actions(self) -> list[str]:
        return sorted(self.actions())

    def actions(self) -> Mapping[str, Callable[[str], Awaitable[str]]]:
        """What `Action` can do, by name."""
        return {}

    async def put_action(self, action: str, parameters: str) -> str:
        actions = self.actions()
        if not actions:
            raise self._not_offered("Action")
        found = {name.lower(): do for name, do in actions.items()}.get(action.lower())
        if found is None:
            raise ActionNotImplementedError(f"{self.name} knows no action {action!r:.60}.")
        return await found(parameters)

    def get_device_state(self) -> list[dict[str, Any]]:
        """The operational properties that can be read now; the others are left out."""
        stamp = {"Name": "TimeStamp", "Value": iso_utc(datetime.now(UTC))}
        return [*self.device_values(), stamp]

    def device_values(self) -> list[dict[str, Any]]:
        """Rows of `DeviceState` without the time."""
        states: list[dict[str, Any]] = []
        for member in self.interface.device_state:
            getter = self._getters.get(member.name)
            if getter is not None:
                try:
                    states.append({"Name": member.name, "Value": getter(self)})
                except (AlpacaError, KeyError):
                    continue  # not readable now: the interface wants it left out
        return states


def _name_of(client: int | None) -> str:
    """The id of a client in the host's sets."""
    return str(client or 0)


def _constant(fixed: Mapping[str, Any], name: str) -> Callable[..., Any] | None:
    if name not in fixed:
        return None
    value = fixed[name]
    return lambda _device, **_arguments: value


def demand_range(name: str, value: float, least: float, most: float, *, open_end: bool = False) -> None:
    """Raise `InvalidAlpacaValueError` unless least <= value <= most (< most with `open_end`)."""
    if not least <= value <= most or (open_end and value == most):
        refuse_value(name, value, f"{least:g} to {'below ' if open_end else ''}{most:g}")


def refuse_value(name: str, value: object, allowed: str) -> NoReturn:
    """Raise `InvalidAlpacaValueError` in the words of all such errors."""
    raise InvalidAlpacaValueError(f"{name} {value} is not allowed; allowed: {allowed}.")
