"""The state of a telescope as other processes see it: one frozen piece per part, units in the names.

`Board.as_dict()` is what the host publishes on the link. None means "not known". Times are ISO 8601, UTC.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from typing import Any


class Role(StrEnum):
    """Who may give the telescope commands."""

    UNKNOWN = "unknown"
    HOST = "host"
    SLAVE = "slave"


class CameraPhase(StrEnum):
    """What the camera is doing."""

    IDLE = "idle"
    WAITING = "waiting"
    EXPOSING = "exposing"
    DOWNLOADING = "downloading"


@dataclass(frozen=True, slots=True)
class ConnectionState:
    """The connection.

    Attributes:
        wanted: somebody wants the telescope.
        connected: commands can be sent and the state is known.
        connecting: on the way there, again and again until nobody wants it any more.
        problem: why it is not connected; empty when it is.
        role: who is host; a slave can look but not command.
    """

    wanted: bool = False
    connected: bool = False
    connecting: bool = False
    problem: str = ""
    role: Role = Role.UNKNOWN


@dataclass(frozen=True, slots=True)
class MountState:
    """The axes.

    Attributes:
        ra_hours, dec_deg: where it points, ICRS: the solved or commanded place plus measured drift.
        position_known: False until a goto or plate solution; the place is then only nominal.
        target_name, target_ra_hours, target_dec_deg: of the last goto.
        slewing: a goto, park or axis movement is going on.
        tracking: the wish; `tracking_active`: what the telescope says.
        moving: an axis movement by hand is going on.
        residual_arcsec: distance of the last plate solution from the target, `solved_at`: when that was found;
            None without one.
        pointing_tries: gotos of the last closed loop.
        pointing_loop: gotos are checked by plate solving.
        problem: why the last movement ended badly; empty after a good one.
    """

    ra_hours: float = 0.0
    dec_deg: float = 0.0
    altitude_deg: float = 0.0
    azimuth_deg: float = 0.0
    position_known: bool = False
    target_name: str = ""
    target_ra_hours: float | None = None
    target_dec_deg: float | None = None
    slewing: bool = False
    tracking: bool = False
    tracking_active: bool = False
    moving: bool = False
    parked: bool = False
    calibrating: bool = False
    calibrated: bool = False
    equatorial: bool = False
    pointing_loop: bool = True
    residual_arcsec: float | None = None
    solved_at: str | None = None
    pointing_tries: int = 0
    solar_mode: bool = False
    problem: str = ""


@dataclass(frozen=True, slots=True)
class CameraState:
    """The tele camera.

    Attributes:
        exposures_s: durations offered, ascending, seconds.
        exposure_s, gain: of the exposure that runs or ran last.
        started_at: begin of that exposure: the frame's own once it is known, else when it was asked for.
        percent_completed: 0 … 100.
        image_ready: a frame of the last exposure was acknowledged; `image` is what its keeper said of it.
        frames: frames delivered since the host began.
        run_active: a stacking run of ours is going on in the telescope.
        run_taken, run_stacked: frames of it, taken and accepted by the telescope.
        darks_percent: progress of a run of darks; None when there is none.
        dark_missing: the telescope has no dark frame that fits the run; empty or a sentence.
        problem: why the last exposure ended without a frame; empty after a good one.
    """

    phase: CameraPhase = CameraPhase.IDLE
    exposures_s: tuple[float, ...] = ()
    exposure_min_s: float = 0.0
    exposure_max_s: float = 0.0
    gain_min: int = 0
    gain_max: int = 0
    gains: tuple[int, ...] = ()
    exposure_s: float | None = None
    gain: int | None = None
    light: bool = True
    started_at: str | None = None
    percent_completed: int = 0
    image_ready: bool = False
    image: dict[str, Any] | None = None
    frames: int = 0
    run_active: bool = False
    run_taken: int = 0
    run_stacked: int = 0
    sensor_temperature_c: float | None = None
    width_px: int = 0
    height_px: int = 0
    darks_percent: int | None = None
    dark_missing: str = ""
    problem: str = ""


@dataclass(frozen=True, slots=True)
class FilterState:
    """The filter wheel; `position` is -1 while it turns, None when the telescope has not told it."""

    names: tuple[str, ...] = ()
    focus_offsets: tuple[int, ...] = ()
    position: int | None = None
    problem: str = ""


@dataclass(frozen=True, slots=True)
class FocusState:
    """The focuser: motor steps from 0 to `maximum`; `infinity` is what the user stored as such.

    It is `moving` during an `autofocus`, too.
    """

    position: int | None = None
    maximum: int = 20_000
    infinity: int | None = None
    moving: bool = False
    autofocus: bool = False
    problem: str = ""


@dataclass(frozen=True, slots=True)
class TelemetryState:
    """What the telescope tells of itself."""

    battery_percent: int | None = None
    charging: bool | None = None
    storage_free_gb: float | None = None
    storage_total_gb: float | None = None
    temperature_c: float | None = None
    powering_off: bool = False


@dataclass(slots=True)
class Board:
    """All pieces; `set` replaces one and calls `changed` when that made a difference."""

    changed: Callable[[], None] = lambda: None
    connection: ConnectionState = field(default_factory=ConnectionState)
    mount: MountState = field(default_factory=MountState)
    camera: CameraState = field(default_factory=CameraState)
    filters: FilterState = field(default_factory=FilterState)
    focus: FocusState = field(default_factory=FocusState)
    telemetry: TelemetryState = field(default_factory=TelemetryState)

    def set(self, piece: str, **changes: Any) -> None:
        """Change fields of one piece."""
        before = getattr(self, piece)
        after = replace(before, **changes)
        if after != before:
            setattr(self, piece, after)
            self.changed()

    def as_dict(self) -> dict[str, Any]:
        """The whole state, ready for JSON."""
        pieces = ("connection", "mount", "camera", "filters", "focus", "telemetry")
        return {piece: asdict(getattr(self, piece)) for piece in pieces}
