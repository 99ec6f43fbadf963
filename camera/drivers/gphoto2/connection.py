"""One camera through one child process: open it, set it, press the shutter, fetch files.

A connection reports what went wrong as errors of ours; what to do then is the driver's business.
"""

import base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from camera.drivers.base import Applied, CameraFile, Settings, Status
from camera.drivers.gphoto2 import widgets
from camera.drivers.gphoto2.faults import GENERIC, translate
from camera.drivers.gphoto2.process import ChildError, ChildProcess
from camera.errors import (
    CameraBusyError,
    CameraError,
    CameraFaultError,
    CameraRefusedError,
    CardFullError,
    NotConnectedError,
)
from skycam_project.common.clock import Clock
from skycam_project.common.units import Seconds


@dataclass(frozen=True, slots=True)
class Limits:
    """How long things may take, seconds.

    Attributes:
        open_s: finding and opening the camera.
        list_s: listing the whole card.
        command_s: reading or setting something, deleting a file.
        grace_s: what a capture or a download may take beyond its exposure or its size.
        throughput: bytes per second that a download reaches at least.
        leave_s: closing the camera politely.
        drain_s: emptying the event queue after opening.
        second_file_s: waiting for the other file of RAW + JPEG.
        unknown_exposure_s: assumed where the camera does not tell its exposure time.
        busy: pauses between attempts while the camera is busy.
        back_off: pauses before opening again after 1, 2, … failures in a row.
        alert_after: failures in a row that are worth waking somebody.
        download_tries: attempts for a leftover file before it is left on the card.
    """

    open_s: Seconds = 20.0
    list_s: Seconds = 120.0
    command_s: Seconds = 8.0
    grace_s: Seconds = 8.0
    throughput: float = 1_000_000.0
    leave_s: Seconds = 3.0
    drain_s: Seconds = 0.2
    second_file_s: Seconds = 3.0
    unknown_exposure_s: Seconds = 60.0
    busy: tuple[Seconds, ...] = (0.25, 0.5, 1.0, 2.0)
    back_off: tuple[Seconds, ...] = (1.0, 2.0, 5.0, 15.0, 60.0)
    alert_after: int = 3
    download_tries: int = 2


@dataclass(frozen=True, slots=True)
class Captured:
    """Files of one exposure, and files that somebody else made meanwhile."""

    files: list[CameraFile]
    strangers: list[CameraFile]


class Connection:
    """A child and what it has opened.

    Args:
        name: how messages call the camera.
        address: as `address.parse_address` returns it.
        lock_folder: where the lock files of ports are.
        environment: additions for the child.
        limits: how long things may take.
        clock: for pauses.
        on_busy: called with the reason when the camera asks to wait, with `None` when it goes on.
    """

    def __init__(
        self,
        name: str,
        address: str,
        lock_folder: Path,
        environment: Mapping[str, str],
        limits: Limits,
        clock: Clock,
        on_busy: Callable[[str | None], None],
    ) -> None:
        self.name, self.limits = name, limits
        self._address, self._lock_folder, self._environment = address, lock_folder, environment
        self._clock, self._on_busy = clock, on_busy
        self._child: ChildProcess | None = None
        self._opened: dict[str, Any] = {}
        self._shown: dict[str, Any] = {}
        self._stale = False
        self.panel: widgets.Panel | None = None
        self.attempted = (clock.now(), clock.monotonic())
        """When the newest attempt of a patient command began: UTC, monotonic seconds."""

    # ---- open and close

    @property
    def connected(self) -> bool:
        """Whether the camera is open, as far as this process knows."""
        return self.panel is not None and self._child is not None and self._child.alive

    @property
    def died(self) -> bool:
        """Whether an open camera was lost with its process, unnoticed by any command."""
        return self.panel is not None and not self.connected

    @property
    def pid(self) -> int | None:
        """Process id of the child while it lives."""
        return self._child.pid if self._child and self._child.alive else None

    @property
    def address(self) -> str:
        """The port that was opened; before that, the address that was given."""
        return self._opened.get("port", self._address)

    @property
    def model(self) -> str | None:
        """Maker and model."""
        return self.panel.model(self._opened["model"]) if self.panel else None

    @property
    def library(self) -> str | None:
        """Version of libgphoto2."""
        return self._opened.get("library")

    @property
    def settings_texts(self) -> dict[str, str]:
        """The camera's own words for its settings."""
        names = self.panel.shown_names() if self.panel else []
        return {name: str(self._shown[name]) for name in names if name in self._shown}

    async def open(self) -> None:
        """Start a child and open the camera. Raises `CameraError`; there is no child then."""
        await self.drop()
        try:
            self._child = await ChildProcess.start(self._environment)
            opened = await self.call(
                "open",
                self.limits.open_s,
                address=self._address,
                lock_folder=str(self._lock_folder),
                widgets=list(widgets.ALL),
            )
            found = opened["widgets"]
            if texts := widgets.preparation(found):
                await self.call("set", self.limits.command_s, values=texts)
            await self.call("events", self.limits.command_s, seconds=self.limits.drain_s)
        except OSError as error:
            raise CameraFaultError(f"{self.name}: the driver's process cannot start: {error}") from error
        except CameraError:
            await self.drop()
            raise
        self._opened, self._stale = opened, False
        self._shown = {name: widget["value"] for name, widget in found.items()}
        self.panel = widgets.Panel.read(found, opened["preview"])

    def clock_offset(self) -> Seconds | None:
        """The camera's clock minus ours when it was opened; `None` where it has none."""
        shown = self._shown.get("datetime")
        return float(shown) - self._clock.now().timestamp() if isinstance(shown, int | float) else None

    async def drop(self) -> None:
        """End the child by force."""
        child, self._child, self.panel = self._child, None, None
        if child:
            await child.kill()

    async def kill(self) -> None:
        """End the child under a running command, which fails; the rest is for `drop` or `leave`."""
        if self._child:
            await self._child.kill()

    async def leave(self) -> None:
        """Close the camera, end the child."""
        child, self._child, self.panel = self._child, None, None
        if child:
            await child.leave(self.limits.leave_s)

    # ---- commands

    async def call(self, op: str, deadline: Seconds, **arguments: Any) -> dict[str, Any]:
        """A command of the child. Raises `CameraError`."""
        if self._child is None:
            raise NotConnectedError(f"{self.name} is not connected")
        try:
            return await self._child.call(op, deadline, **arguments)
        except ChildError as error:
            raise translate(self.name, error) from error
        except CameraFaultError as error:
            raise type(error)(f"{self.name}: {error}") from error

    async def patient(self, op: str, deadline: Seconds, **arguments: Any) -> dict[str, Any]:
        """A command, repeated with pauses while the camera is busy."""
        for pause in (*self.limits.busy, None):
            self.attempted = (self._clock.now(), self._clock.monotonic())
            try:
                return await self.call(op, deadline, **arguments)
            except CameraBusyError as error:
                if pause is None:
                    raise
                self._on_busy(str(error))
                await self._clock.sleep(pause)
                self._on_busy(None)
        raise AssertionError("the last pause is None")

    def abort(self) -> None:
        """End a bulb exposure early."""
        if self._child:
            self._child.abort()

    # ---- settings

    def _open_panel(self) -> widgets.Panel:
        if self.panel is None:
            raise NotConnectedError(f"{self.name} is not connected")
        return self.panel

    async def apply(self, settings: Settings) -> Applied:
        """Set what is not yet so, and say what the camera made of it."""
        panel = self._open_panel()
        if self._stale:  # somebody turned a dial
            shown = await self.patient("get", self.limits.command_s, names=panel.shown_names())
            self._shown.update(shown["values"])
            self._stale = False
        texts = {
            name: text for name, text in panel.texts_for(settings).items() if self._shown.get(name) != text
        }
        if texts:
            answer = await self.patient("set", self.limits.command_s, values=texts)
            self._shown.update(answer["values"])
            if again := {name: texts[name] for name in answer["failed"] if name in self._shown}:
                # A busy camera's answer to a setting reaches us as "bad parameters": ask once more.
                await self._clock.sleep(self.limits.busy[0] if self.limits.busy else 0.0)
                answer = await self.patient("set", self.limits.command_s, values=again)
                self._shown.update(answer["values"])
        return panel.applied(settings, self._shown)

    async def status(self) -> tuple[Status, list[CameraFile]]:
        """Battery and card; and the files that appeared since the last question."""
        events = await self.call("events", self.limits.command_s, seconds=0.0)
        shown = await self.call("get", self.limits.command_s, names=list(widgets.BATTERY))
        storage = await self.call("storage", self.limits.command_s)
        self._stale |= events["changed"]
        status = Status(
            battery_percent=widgets.battery(shown["values"]), card_free_images=storage["free_images"]
        )
        return status, [file_from(shown) for shown in events["files"]]

    # ---- pictures

    async def capture(self, applied: Applied) -> Captured:
        """Expose; the files stay on the camera. Raises `CameraError`, of a full card by its name."""
        panel = self._open_panel()
        exposure = applied.exposure_s or self.limits.unknown_exposure_s
        files = panel.files_per_exposure(applied.format)
        try:
            if panel.bulb and applied.exposure_s and panel.is_bulb(applied.exposure_s):
                found = await self._bulb(panel.bulb, exposure, files)
            else:
                wait = self.limits.second_file_s if files > 1 else 0.0
                deadline = exposure + self.limits.grace_s + wait
                found = await self.patient("capture", deadline, files=files, wait_s=wait)
        except CameraFaultError as error:
            if error.device_code == GENERIC:
                await self._raise_if_full(error)
            raise
        self._stale |= found["changed"]
        taken = [file_from(shown) for shown in found["files"]]
        stem = taken[0].path.rpartition(".")[0]
        ours = [file for file in taken if file.path.rpartition(".")[0] == stem]
        strangers = [file_from(shown) for shown in found["others"]]
        return Captured(ours, strangers + [file for file in taken if file not in ours])

    async def _bulb(
        self, how: tuple[str, str | int, str | int], exposure: Seconds, files: int
    ) -> dict[str, Any]:
        name, opened, closed = how
        return await self.patient(
            "bulb",
            exposure + self.limits.grace_s,
            start=[name, opened],
            end=[name, closed],
            seconds=exposure,
            files=files,
            wait_s=self.limits.grace_s / 2,
        )

    async def _raise_if_full(self, cause: CameraError) -> None:
        """The code -1 has no cause of its own: the card is the first suspect."""
        storage = await self.call("storage", self.limits.command_s)
        if storage["free_images"] == 0 or storage["free_kilobytes"] == 0:
            raise CardFullError(
                f"{self.name}: the memory card is full or missing; pictures go on when there is room"
            ) from cause

    async def preview(self) -> bytes:
        """One live view picture. Raises `CameraRefusedError` where the camera has none."""
        if self._open_panel().capabilities.preview is None:
            raise CameraRefusedError(f"{self.name}: this camera has no live view")
        answer = await self.patient("preview", self.limits.command_s)
        return base64.b64decode(answer["jpeg"])

    async def download(self, file: CameraFile, target: Path) -> None:
        """Copy a file of the camera to `target`, complete and on disk."""
        deadline = self.limits.grace_s + file.size / self.limits.throughput
        await self.call(
            "download", deadline, folder=file.folder, name=file.name, target=str(target), size=file.size
        )

    async def delete(self, file: CameraFile) -> None:
        """Remove a file from the camera; nothing happens when it is another one by now."""
        await self.patient(
            "delete", self.limits.command_s, folder=file.folder, name=file.name, size=file.size
        )

    async def list_files(self) -> list[CameraFile]:
        """Everything on the camera."""
        listing = await self.call("list", self.limits.list_s)
        return [file_from(shown) for shown in listing["files"]]


def file_from(shown: Mapping[str, Any]) -> CameraFile:
    """A file as the child reports it."""
    return CameraFile(shown["folder"], shown["name"], shown["size"], shown["modified"])
