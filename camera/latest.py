"""The newest frame for the state; previews are made beside the run, the newest first."""

import asyncio
import contextlib
import logging
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, BinaryIO

from camera.drivers.base import Frame
from camera.loop import FrameSink
from camera.preview import NotShowableError, Preview, PreviewFolder
from camera.state import frame_state

LayOut = Callable[[BinaryIO], Awaitable[None]]
"""What else is to be done with the file of a frame while it is open."""


@dataclass(frozen=True, slots=True)
class _Waiting:
    frame: Frame
    number: str
    run_number: int | None
    size: int
    file: BinaryIO | None
    lay_out: LayOut | None


class LatestFrame:
    """A sink before the camera's sink that keeps each file open, whatever the session does with it.

    Args:
        camera: id, for the names of previews.
        sink: where frames really go.
        previews: where previews go.
        on_change: called when `state` changed.
    """

    def __init__(
        self, camera: str, sink: FrameSink, previews: PreviewFolder, on_change: Callable[[], None]
    ) -> None:
        self.state: dict[str, Any] | None = None
        self._prefix = re.sub(r"[^A-Za-z0-9._-]", "_", camera) or "camera"
        self._sink, self._previews, self._on_change = sink, previews, on_change
        self.event, self.log, self.session = sink.event, sink.log, sink.session
        self.measured = sink.measured
        self._frame: Frame | None = None
        self._file: BinaryIO | None = None
        self._waiting: _Waiting | None = None
        self._worker: asyncio.Task[None] | None = None

    async def frame(self, frame: Frame) -> str:
        """Store a frame; its file stays open for `show`, also when it has to be offered again."""
        if self._frame is not frame:
            self._forget()
            self._frame = frame
            with contextlib.suppress(OSError):
                self._file = await asyncio.to_thread(frame.path.open, "rb")
        return await self._sink.frame(frame)

    def _forget(self) -> None:
        if self._file:
            self._file.close()
        self._file = self._frame = None

    def show(
        self,
        frame: Frame,
        number: str,
        run_number: int | None,
        size: int,
        lay_out: LayOut | None = None,
    ) -> None:
        """Make the frame just stored the newest one, when its preview is there; before that, `lay_out`."""
        if self._waiting and self._waiting.file:
            self._waiting.file.close()
        self._waiting = _Waiting(frame, number, run_number, size, self._file, lay_out)
        self._file = self._frame = None
        if self._worker is None or self._worker.done():
            self._worker = asyncio.create_task(self._work())

    async def _work(self) -> None:
        while waiting := self._waiting:
            self._waiting = None
            preview = await self._make(waiting)
            if preview:
                await asyncio.to_thread(self._sink.measured, waiting.frame, preview.statistics.stars)
            self.state = frame_state(
                waiting.frame,
                waiting.number,
                waiting.run_number,
                self._sink.session(),
                preview,
                waiting.size,
            )
            self._on_change()

    async def _make(self, waiting: _Waiting) -> Preview | None:
        if waiting.file is None:
            return None
        frame = waiting.frame
        name = f"{self._prefix}-{frame.start:%Y%m%dT%H%M%S%f}"
        try:
            with waiting.file as file:
                if waiting.lay_out:
                    await waiting.lay_out(file)
                return await asyncio.to_thread(self._previews.make, file, frame.media_type, name)
        except NotShowableError as error:
            self._sink.log(logging.INFO, str(error), frame=waiting.number)
        except OSError as error:
            self._sink.log(logging.WARNING, f"no preview: {error}", frame=waiting.number)
        return None

    async def live(self, data: bytes) -> str:
        """Put a live view picture into the preview folder; the name of its file."""
        name = f"{self._prefix}-live.jpg"
        await asyncio.to_thread(self._previews.put, name, data)
        return name

    async def close(self) -> None:
        """Finish the preview in work, drop one that waits."""
        self._forget()
        if self._waiting and self._waiting.file:
            self._waiting.file.close()
        self._waiting = None
        if self._worker:
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.shield(self._worker)
