"""Small real sessions for tests of jobs."""

from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
from PIL import Image

from sessions.store.manager import SessionManager

SITE = {"lat": 46.9, "lon": 7.4, "alt": 540.0}


def pictures(folder: Path, count: int, width: int = 160, height: int = 96, seed: int = 1) -> list[Path]:
    """JPEG files of a textured scene that flickers and shakes a little."""
    rng = np.random.default_rng(seed)
    scene = rng.uniform(40, 200, (height + 16, width + 16)).astype(np.float32)
    for axis in (0, 1):  # a scene has edges and patches, white noise is none
        scene = sum(np.roll(scene, shift, axis) for shift in range(-3, 4)) / 7
    scene = (scene - scene.min()) / np.ptp(scene) * 200 + 20
    folder.mkdir(parents=True, exist_ok=True)
    made = []
    for number in range(count):
        dx, dy = rng.integers(0, 3, 2)
        view = scene[8 + dy : 8 + dy + height, 8 + dx : 8 + dx + width] * rng.uniform(0.95, 1.05)
        path = folder / f"frame_{number:04d}.jpg"
        grey = np.clip(view, 0, 255).astype(np.uint8)
        Image.fromarray(np.stack([grey, grey, grey[::-1]], -1)).save(path, quality=92)
        made.append(path)
    return made


def session(
    root: Path, count: int = 6, *, instrument: str = "default", size: tuple[int, int] = (160, 96),
    began: datetime | None = None,
) -> Path:  # fmt: skip
    """A finished observation with pictures as its originals: its file.

    `began`: when the first one was taken, the others 10 s after each other; None: now, at once.
    """
    with SessionManager(root, SITE, instrument=instrument) as sessions:
        night = sessions.start_session("observation", target="All-sky")
        for number, path in enumerate(pictures(root / "spool", count, *size)):
            moment = began + timedelta(seconds=10 * number) if began else None
            night.add_original("default", path, exposure_us=8_000_000, gain=800, time=moment)
        return sessions.end_session()
