"""Real sessions for tests of history: recorded by a real `SessionManager` whose clock the test sets."""

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

from sessions.store.manager import SessionManager

EVENING = datetime(2026, 11, 19, 18, 0, tzinfo=UTC)
PLACE = {"lat": 46.9, "lon": 7.4, "alt": 540}
BRIGHT = (60, 90)
"""Row and column of the left upper corner of the bright square of every frame."""
SIDE = 16
SHAPE = (160, 240)


class SetClock:
    """Time that stands still until the test moves it."""

    def __init__(self, moment: datetime) -> None:
        self.moment = moment

    def now(self) -> datetime:
        return self.moment

    def monotonic(self) -> float:
        return time.monotonic()

    async def sleep(self, duration: float) -> None:
        raise AssertionError("nothing here waits")

    def forward(self, **more: float) -> datetime:
        self.moment += timedelta(**more)
        return self.moment


def frame(number: int, shape: tuple[int, int] = SHAPE) -> np.ndarray:
    """A dark sky with a bright square that always stands at `BRIGHT`, and stars that depend on the number."""
    random = np.random.default_rng(number)
    sky = random.normal(500, 6, shape)
    for _ in range(40):
        y, x = random.integers(2, shape[0] - 2), random.integers(2, shape[1] - 2)
        sky[y - 1 : y + 2, x - 1 : x + 2] += random.exponential(400)
    sky[BRIGHT[0] : BRIGHT[0] + SIDE, BRIGHT[1] : BRIGHT[1] + SIDE] = 30_000
    return sky.clip(0, 65535).astype(np.uint16)


def jpeg(colour: tuple[int, int, int] = (200, 40, 20)) -> bytes:
    """A camera's own file."""
    import io

    from PIL import Image

    file = io.BytesIO()
    Image.new("RGB", (SHAPE[1], SHAPE[0]), colour).save(file, "JPEG", quality=95)
    return file.getvalue()


def fill(night, clock: SetClock, frames: int = 24, bayer: str = "") -> None:
    """Frames every half minute, two temperatures, a mount, a gap, errors, plate solutions, and 300 log rows."""
    info = {"model": "Test Camera 5", "focal_length_mm": 135, **({"bayer_pattern": bayer} if bayer else {})}
    for number in range(frames):
        moment = clock.forward(seconds=30)
        if number == frames // 2:
            gap = {
                "from": moment.isoformat(),
                "to": clock.forward(minutes=6).isoformat(),
                "reason": "camera reset",
            }
            moment = clock.moment
            night.add_event("capture_gap", gap)
        night.add_frame(
            "main", frame(number), info=info, settings={"iso": 1600}, time=moment, exposure_us=20_000_000 + number,
            gain=200, sensor_temp_c=-10 + number / 10, ra_deg=10.68, dec_deg=41.27,
        )  # fmt: skip
        night.add_telemetry("temperature", sensor="lens", value=2 - number / 8)
        night.add_telemetry("temperature", sensor="outside", value=-1 - number / 8)
        night.add_telemetry(
            "mount_position", ra=10.68 + number / 900, dec=41.27, alt=60.0 + number / 5, az=100.0
        )
    night.add_original("guide", jpeg(), "DSC_0001.JPG", time=clock.moment, exposure_us=1_000_000)
    night.add_event("tracking_lost", star="HIP 3092", residual_arcsec=14.2)
    night.add_calibration(
        "plate_solve",
        {"time": clock.moment.isoformat(), "ra": 10.684, "dec": 41.269, "rotation": 1.5, "scale": 2.11},
    )
    for number in range(300):
        level = "ERROR" if number == 120 else "WARNING" if number % 50 == 7 else "INFO"
        night.log(
            level,
            f"frame {number} stored, {number % 7} µs late",
            source=("camera", "sky", "mount")[number % 3],
            number=number,
        )


def record(root: Path) -> list[Path]:
    """Five finished sessions of two instruments over three nights."""
    clock, paths = SetClock(EVENING - timedelta(days=2)), []
    with SessionManager(root, PLACE, instrument="dslr", clock=clock) as sessions:
        for target, frames in (("M 42", 5), ("M 31", 24)):
            fill(
                sessions.start_session("observation", target=target, purpose="first light"),
                clock,
                frames,
                "RGGB",
            )
            paths.append(sessions.end_session())
            clock.moment = EVENING if target == "M 42" else clock.moment
        sessions.log("WARNING", "lens 1.9 K above the dew point", source="sensors")
        clock.forward(minutes=40)
    clock.moment = EVENING + timedelta(hours=2)
    with SessionManager(root, PLACE, instrument="dwarf", clock=clock) as sessions:
        focus = sessions.start_session("maintenance", purpose="focus run")
        focus.log("INFO", "focus moved to 10460", source="focus")
        clock.forward(minutes=3)
        paths.append(sessions.end_session())
        clock.forward(days=1)
        fill(sessions.start_session("observation", target="NGC 7000"), clock, 6)
        paths.append(sessions.end_session())
    return [*paths, *sorted(set(root.glob("*/*/*/*.asdf")) - set(paths))]
