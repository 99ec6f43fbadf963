"""The state of a camera as everybody else sees it: one dictionary, units in the names, times UTC."""

import shutil
from datetime import datetime
from pathlib import Path
from typing import Any

from camera.drivers.base import CameraDriver, DriverState, Frame
from camera.plan import RunRecord
from camera.preview import Preview
from skycam_project.common.clock import Clock, iso_utc
from skycam_project.common.units import Seconds

DISK_EVERY: Seconds = 5.0

REASON_LENGTH = 500
"""Characters of a reason that are shown; the state stays small whatever a device says."""


def settings_state(driver: CameraDriver, wanted: dict[str, Any]) -> dict[str, Any]:
    """The settings that are wanted, in the camera's unit of gain."""
    gain = driver.capabilities.gain
    return {
        "exposure_s": wanted["exposure_s"],
        "gain": wanted["gain"],
        "gain_unit": gain.unit if gain else None,
        "aperture_f": wanted["aperture_f"],
        "format": wanted["format"],
    }


def frame_state(
    frame: Frame,
    number: str,
    run_number: int | None,
    session: dict[str, Any] | None,
    preview: Preview | None,
    size: int,
) -> dict[str, Any]:
    """The newest frame.

    Args:
        frame: as the driver made it.
        number: its id in the session.
        run_number: its number in the run, from 1.
        session: summary of the session that took it.
        preview: what can be shown of it.
        size: bytes of its main file.
    """
    applied = frame.applied
    return {
        "id": number,
        "number": run_number,
        "session_id": session.get("id") if session else None,
        "taken_at": iso_utc(frame.start),
        "middle_at": iso_utc(frame.middle),
        "exposure_s": applied.exposure_s,
        "gain": applied.gain,
        "gain_unit": applied.gain_unit,
        "aperture_f": applied.aperture_f,
        "media_type": frame.media_type,
        "width": preview.width if preview else None,
        "height": preview.height if preview else None,
        "bytes": size,
        "preview": preview.preview if preview else None,
        "thumbnail": preview.thumbnail if preview else None,
        "stats": preview.statistics.as_dict() if preview else None,
        "warnings": list(frame.warnings),
        "recovered": frame.recovered,
    }


def run_state(record: RunRecord, interval: Seconds, next_at: datetime | None) -> dict[str, Any]:
    """The run that is on."""
    return {
        "started_at": iso_utc(record.started_at),
        "frames": record.frames,
        "missed_slots": record.missed_slots,
        "interval_s": interval,
        "next_frame_at": iso_utc(next_at) if next_at else None,
        "gaps": [{**gap.as_dict(), "reason": shorten(gap.reason)} for gap in record.gaps],
    }


def driver_state(driver: CameraDriver) -> dict[str, Any]:
    """What the driver says of itself and its camera."""
    standing, status = driver.standing, driver.status
    exposing = standing.state is DriverState.EXPOSING
    return {
        "model": driver.model,
        "address": driver.address,
        "state": standing.state.value,
        "state_since": iso_utc(standing.since),
        "reason": shorten(standing.reason),
        "connected": driver.connected,
        "exposure": {"started_at": iso_utc(standing.since), "duration_s": driver.exposing_s}
        if exposing
        else None,
        "capabilities": driver.capabilities.as_dict(),
        "temperature_c": status.temperature_c,
        "battery_percent": status.battery_percent,
        "card_free_images": status.card_free_images,
        "watchdog_kills": driver.counters.watchdog_kills,
        "restarts": driver.counters.restarts,
    }


def shorten(reason: str | None) -> str | None:
    """A reason of bearable length."""
    if reason is None or len(reason) <= REASON_LENGTH:
        return reason
    return reason[: REASON_LENGTH - 1] + "…"


def free_bytes(folder: Path) -> int | None:
    """Room on the file system of a folder; `None` when it cannot be read."""
    try:
        return shutil.disk_usage(folder).free
    except OSError:
        return None


class FreeSpace:
    """The same, looked at once in a while."""

    def __init__(self, folder: Path, clock: Clock) -> None:
        self._folder, self._clock = folder, clock
        self._free: int | None = None
        self._checked = -DISK_EVERY

    def bytes(self) -> int | None:
        """`None` when it cannot be read."""
        now = self._clock.monotonic()
        if now - self._checked >= DISK_EVERY:
            self._free, self._checked = free_bytes(self._folder), now
        return self._free


def file_size(frame: Frame, index: int) -> int:
    """Bytes of one of a frame's files; its session may have moved it already."""
    original = frame.originals[index]
    try:
        return original.source.size if original.source else original.path.stat().st_size
    except OSError:
        return 0
