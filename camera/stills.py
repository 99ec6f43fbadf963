"""Single exposures for outside clients: who holds the camera, the exposure that runs, the picture as pixels.

The camera's host owns a `Stills` and tells it what happens; its state is what the Alpaca adapter reads.
"""

import asyncio
import io
import logging
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO

from PIL import Image, UnidentifiedImageError

from camera.drivers.base import DriverState
from camera.embedded import embedded_jpeg
from camera.preview import MOST_PIXELS, NotShowableError
from skycam_project.common.clock import Clock, iso_utc
from skycam_project.common.files import under
from skycam_project.common.holders import Holders
from skycam_project.common.leases import Kind
from skycam_project.common.pixels import PixelFile, write_pixels
from skycam_project.common.units import Seconds

logger = logging.getLogger(__name__)

PART = "camera"
"""The one logical device of a camera."""
_PHASES = {DriverState.EXPOSING: "exposing", DriverState.DOWNLOADING: "downloading"}


class Stills:
    """One still at a time.

    Args:
        camera: id; begins the names of its pixel files.
        images: the folder of pixel files; made when missing.
        holders_file: for the clients, over restarts.
        clock: for holds and times.
        on_change: called when `state` changed.

    Attributes:
        holders: the clients that hold the camera.
        pending: an exposure was accepted and has no end yet.
        kind: light, dark or flat: what it is for.
    """

    def __init__(
        self, camera: str, images: Path, holders_file: Path, clock: Clock, on_change: Callable[[], None]
    ) -> None:
        self.holders = Holders(holders_file, clock, [PART])
        self.pending = False
        self.kind: Kind = "light"
        self._prefix, self._images, self._clock, self._on_change = (
            f"{camera}-still-",
            images,
            clock,
            on_change,
        )
        self._started_at: str | None = None
        self._exposure_s: Seconds = 0.0
        self._image: PixelFile | None = None
        self._problem = self._reason = ""
        self._laying_out = False
        images.mkdir(parents=True, exist_ok=True)
        for left in images.glob(f"{self._prefix}*"):
            left.unlink()

    def state(self, standing: DriverState) -> dict[str, Any]:
        """Progress; `phase` is idle, waiting, exposing or downloading, `image` there before `image_ready`."""
        waiting = "downloading" if self._laying_out else "waiting"
        return {
            "phase": _PHASES.get(standing, waiting) if self.pending else "idle",
            "started_at": self._started_at,
            "exposure_s": self._exposure_s,
            "image_ready": self._image is not None,
            "image": self._image,
            "problem": self._problem,
        }

    def begin(self, exposure_s: Seconds, kind: Kind = "light") -> None:
        """An exposure was accepted."""
        self.kind = kind
        self.pending, self._laying_out, self._problem, self._reason = True, False, "", ""
        self._started_at, self._exposure_s = iso_utc(self._clock.now()), exposure_s
        image, self._image = self._image, None
        if image is not None:
            under(self._images, image["file"]).unlink(missing_ok=True)
        self._on_change()

    def give_up(self, reason: str) -> None:
        """The exposure is about to end without a picture."""
        self._reason = reason

    def ended(self, reason: str = "") -> None:
        """The camera is free again: without a picture the exposure has failed, of `give_up`'s reason or `reason`."""
        if self.pending and not self._laying_out:
            self.pending, self._problem = False, self._reason or reason or "the exposure was stopped"
            self._on_change()

    def taken(self, started: datetime, exposure_s: Seconds | None) -> None:
        """The frame of the exposure is safe; its pixels follow."""
        self._laying_out = True
        self._started_at, self._exposure_s = iso_utc(started), exposure_s or self._exposure_s

    async def lay_out(self, file: BinaryIO, media_type: str, started: datetime) -> None:
        """Make the picture in an open file the image of the exposure."""
        name = f"{self._prefix}{started:%Y%m%dT%H%M%S%f}"
        try:
            self._image = await asyncio.to_thread(lay_out, file, media_type, self._images, name)
        except (NotShowableError, OSError) as error:
            logger.warning("no pixels for a client: %s", error)
            self._problem = str(error)
        self.pending = self._laying_out = False
        self._on_change()


def lay_out(file: BinaryIO, media_type: str, folder: Path, name: str) -> PixelFile:
    """Decode a picture as the sensor lies (not turned upright) into a pixel file. Blocking.

    Raises:
        NotShowableError: the file is no picture that we can read.
        OSError: the disk failed.
    """
    import numpy as np  # a host whose camera no client uses does without

    file.seek(0)
    source: BinaryIO | None = file
    if media_type != "image/jpeg":
        jpeg = embedded_jpeg(file)
        source = io.BytesIO(jpeg) if jpeg is not None else None
    if source is None:
        raise NotShowableError(f"no picture inside this {media_type} file")
    try:
        with Image.open(source, formats=("JPEG", "MPO")) as image:
            if image.width * image.height > MOST_PIXELS:
                raise NotShowableError(f"a picture of {image.width} x {image.height} pixels")
            pixels = np.asarray(image.convert("RGB"))
    except (UnidentifiedImageError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise NotShowableError(f"unreadable picture: {error}") from error
    except OSError as error:
        if error.errno is not None:
            raise
        raise NotShowableError(f"unreadable picture: {error}") from error  # Pillow's word for a cut file
    return write_pixels(folder, name, pixels)
