"""Live sockets: this process's mirrors to its own browsers, newest state wins. No logic, no hardware."""

import asyncio
import contextlib
import json
import logging
from collections import deque
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib import import_module
from typing import Any

import orjson
from channels.auth import get_user
from channels.generic.websocket import AsyncWebsocketConsumer
from django.conf import settings
from django.db import DatabaseError

from dashboard.choices import Role
from dashboard.events import events
from dashboard.mirrors import mirrors
from skycam_project.common.clock import iso_utc
from skycam_project.common.link import Mirror, NotConnected
from skycam_project.common.outbox import ClientGoneError, Outbox, SlowClientError
from skycam_project.common.units import Seconds

log = logging.getLogger(__name__)

NOT_LOGGED_IN, TOO_LONG = 4401, 1009
RECHECK: Seconds = 30.0
"""How long an ended login may keep a socket that no event told of it."""
COALESCE: Seconds = 0.05
"""Least time between two messages about one device: what changes faster is not seen anyway."""
LONGEST_MESSAGE = 1024
"""Characters; a browser has nothing to say but `{"type":"ping"}`."""
MOST_EVENTS = 100
"""Events that may wait for one client; who is further behind is dropped, and sees complete states on its return."""


class DeviceConsumer(AsyncWebsocketConsumer):
    """What the live sockets share: the login, one slot per device, an end for clients that do not read."""

    # No channel layer inside the consumer: with it a dead broker would refuse every page. See dashboard.events.
    channel_layer_alias = "none"

    async def connect(self) -> None:
        user = self.scope["user"]
        if not (user.is_authenticated and user.may(Role.VIEWER)):
            await self.close(NOT_LOGGED_IN)
            return
        await self.accept()
        self._outbox = Outbox(self.base_send)
        self._wake, self._doubt = asyncio.Event(), asyncio.Event()
        self._changed: dict[str, Mirror] = {}
        self._notes: deque[str] = deque()
        self._task = asyncio.create_task(self._run())

    async def disconnect(self, code: int) -> None:
        if task := getattr(self, "_task", None):
            task.cancel()

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        """Answers `{"type":"ping"}` and ignores everything else."""
        if text_data is None or len(text_data) > LONGEST_MESSAGE:
            await self.close(TOO_LONG)
            return
        try:
            message = json.loads(text_data)
        except ValueError:
            return
        if isinstance(message, dict) and message.get("type") == "ping" and len(self._notes) < MOST_EVENTS:
            self._note({"type": "pong", "server_time": iso_utc(datetime.now(UTC))})

    # ---- what a subclass says

    def devices(self) -> Mapping[str, Mirror]:
        """The devices that this socket follows."""
        raise NotImplementedError

    def greeting(self) -> dict[str, Any] | None:
        """The first message."""
        return None

    def text(self, device: str, mirror: Mirror) -> str | None:
        """The message about a device as it is now; `None` for nothing new."""
        raise NotImplementedError

    def heard(self, message: dict[str, Any]) -> None:
        """An event from another process."""
        if message.get("type") == "auth.revoked":
            self._doubt.set()

    # ---- how it is said

    def _note(self, message: dict[str, Any]) -> None:
        self._notes.append(orjson.dumps(message).decode())
        self._wake.set()

    async def _run(self) -> None:
        """Until the client leaves, is dropped or is logged out."""
        try:
            if greeting := self.greeting():
                self._note(greeting)
            with events().heard_by(self.heard):
                async with asyncio.TaskGroup() as tasks:
                    for device, mirror in self.devices().items():
                        tasks.create_task(self._follow(device, mirror))
                    tasks.create_task(self._send_newest())
                    tasks.create_task(self._guard())
        except* ClientGoneError:
            pass  # a browser that was closed in the middle of a message; `disconnect` follows
        except* SlowClientError as slow:
            log.warning("%s: %s", self.scope["path"], slow.exceptions[0])
            self._outbox.abort()
            await self._farewell(1013)
        except* Exception:
            log.exception("%s: socket failed", self.scope["path"])
            await self._farewell(1011)

    async def _farewell(self, code: int) -> None:
        with contextlib.suppress(Exception):  # it may be gone, or not take it
            await self.close(code)

    async def _follow(self, device: str, mirror: Mirror) -> None:
        async for changed in mirror.changes():
            self._changed[device] = changed
            self._wake.set()

    async def _send_newest(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            await self._outbox.room()
            if len(self._notes) > MOST_EVENTS:
                raise SlowClientError(f"a client is {len(self._notes)} events behind and was dropped")
            while self._notes:
                await self._outbox.send(self._notes.popleft())
            changed, self._changed = self._changed, {}
            for device, mirror in changed.items():
                if (text := self.text(device, mirror)) is not None:
                    await self._outbox.send(text)
            await asyncio.sleep(COALESCE)

    async def _guard(self) -> None:
        """Close when the login ends: logged out, deactivated, password changed."""
        while True:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._doubt.wait(), RECHECK)
            self._doubt.clear()
            if not await self._still_logged_in():
                await self._farewell(NOT_LOGGED_IN)
                return

    async def _still_logged_in(self) -> bool:
        store = import_module(settings.SESSION_ENGINE).SessionStore
        try:
            user = await get_user({"session": store(self.scope["session"].session_key)})
        except DatabaseError as error:
            log.warning("%s: the login could not be checked (%s)", self.scope["path"], error)
            return True  # live values do not go dark with the database; the next look decides
        return user.is_authenticated and user.may(Role.VIEWER)


_texts: dict[str, tuple[tuple[str, int, str], str]] = {}
"""Device to (epoch, version, problem) and the message about it: made once for all clients."""


def state_text(device: str, mirror: Mirror) -> str:
    """The message about a device as the live interface says it: its state, or why there is none."""
    try:
        snapshot = mirror.snapshot
        key = (snapshot.epoch, snapshot.version, "")
    except NotConnected as error:
        snapshot, key = None, ("", 0, str(error))
    known = _texts.get(device)
    if known and known[0] == key:
        return known[1]
    message: dict[str, Any] = {"type": "problem", "device": device, "reason": key[2]}
    if snapshot is not None:
        now = iso_utc(datetime.now(UTC))
        message = {"type": "state", "device": device, "version": snapshot.version, "epoch": snapshot.epoch}
        message |= {"time": now, "data": snapshot.state}
    text = orjson.dumps(message).decode()
    _texts[device] = (key, text)
    return text


class LiveConsumer(DeviceConsumer):
    """`/ws/live/`: every device, complete states, and events."""

    def devices(self) -> Mapping[str, Mirror]:
        return mirrors()

    def greeting(self) -> dict[str, Any]:
        return {"type": "hello", "server_time": iso_utc(datetime.now(UTC))}

    def text(self, device: str, mirror: Mirror) -> str:
        return state_text(device, mirror)

    def heard(self, message: dict[str, Any]) -> None:
        super().heard(message)
        if message.get("type") == "event":
            self._note(message)


class CapturesConsumer(DeviceConsumer):
    """`/ws/captures/`: document 001's message when a camera has a new frame, starts or stops."""

    def devices(self) -> Mapping[str, Mirror]:
        self._said: dict[str, str] = {}
        return {device: mirror for device, mirror in mirrors().items() if device.startswith("camera/")}

    def text(self, device: str, mirror: Mirror) -> str | None:
        try:
            state = mirror.state
        except NotConnected:
            return None  # document 001 has no word for it; `/ws/live/` has
        text = orjson.dumps({"type": "capture_update", "data": capture_update(state)}).decode()
        if self._said.get(device) == text:
            return None
        self._said[device] = text
        return text


def capture_update(state: Mapping[str, Any]) -> dict[str, Any]:
    """Document 001's view of a camera's state; keys of a frame are null before the first one."""
    frame = state.get("frame") or {}
    name = frame.get("preview")
    return {
        "camera": state["camera"],
        "is_capturing": state["capturing"],
        "temperature": state.get("temperature_c"),
        "latest_image": f"/cameras/{state['camera']}/preview/{name}" if name else None,
        "frame": frame.get("number"),
        "exposure_s": frame.get("exposure_s"),
        "captured_at": frame.get("taken_at"),
    }
