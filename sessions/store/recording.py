"""The calls that go to whichever session is running."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from sessions.store.errors import SessionClosedError
from sessions.store.journal import Stamp
from sessions.store.metadata import FrameRecord
from sessions.store.session import Session


class Recording(ABC):
    """Document 002's methods of the manager: each does what the running session's method of that name does.

    A call that meets the end of a session goes to its successor: nothing is lost or doubled in a rotation.
    """

    @property
    @abstractmethod
    def active_session(self) -> Session:
        """The running session."""

    def log(
        self,
        level: str | int,
        message: object,
        /,
        source: str = "",
        *,
        durable: bool = True,
        **context: Any,
    ) -> Stamp:
        """Log to the running session; see `Session.log`. Never lost in a rotation."""
        return self._to_active(lambda s: s.log(level, message, source, durable=durable, **context))

    def add_event(self, name: str, details: Mapping[str, Any] | None = None, /, **more: Any) -> Stamp:
        """Record an event in the running session; see `Session.add_event`."""
        return self._to_active(lambda s: s.add_event(name, details, **more))

    def add_telemetry(self, series: str, /, time: object = None, **columns: Any) -> Stamp:
        """Record a row of a series in the running session; see `Session.add_telemetry`."""
        return self._to_active(lambda s: s.add_telemetry(series, time, **columns))

    def add_frame(self, camera: str, array: np.ndarray, *args: Any, **meta: Any) -> FrameRecord:
        """Keep an image in the running session; see `Session.add_frame`."""
        return self._to_active(lambda s: s.add_frame(camera, array, *args, **meta))

    def add_original(self, camera: str, source: Path | str | bytes, *args: Any, **meta: Any) -> FrameRecord:
        """Keep a camera file in the running session; see `Session.add_original`."""
        return self._to_active(lambda s: s.add_original(camera, source, *args, **meta))

    def add_calibration(self, kind: str, value: Any, /, **meta: Any) -> FrameRecord | Stamp:
        """Record a calibration result in the running session; see `Session.add_calibration`."""
        return self._to_active(lambda s: s.add_calibration(kind, value, **meta))

    def record(self, kind: str, fields: dict[str, Any]) -> Stamp:
        """Write one raw record into the running session, for joiners of this process."""
        return self._to_active(lambda s: s.recorder.record(kind, fields))

    def _to_active(self, record: Callable[[Session], Any]) -> Any:
        while True:
            session = self.active_session
            try:
                return record(session)
            except SessionClosedError:
                if session is self.active_session:
                    raise
