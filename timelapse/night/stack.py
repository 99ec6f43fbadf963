"""The live stack: every frame is laid on the first and joins a running mean, at the same cost each time."""

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sky.detection import Detections, detect
from sky.kernels import exact_kernel, in_bands
from sky.projection import Wcs
from skycam_project.common.files import fsync_file, fsync_folder
from skycam_project.common.units import Pixels, Seconds
from timelapse.night.developing import developed
from timelapse.night.frames import NightFrame
from timelapse.night.opencv import cv2
from timelapse.night.registration import NoOverlapError, Pose, Reference
from timelapse.night.repair import repaired
from timelapse.night.state import Arrays, Meta

Floats = NDArray[np.float32]

_CLIP = 3.2  # standard deviations
_SEED_BYTES = 75_000_000  # the first frames are kept, until their median can say what is a satellite
_SEEDS = 5
_FEWER_STARS = 0.35
_BLURRED = 1.7
_BLOCKS = 8
_CROWDED: Pixels = 16.0  # a star whose second neighbour is nearer
_ENOUGH = 30
_ROWS = 64
_PEDESTAL = 64.0  # keeps the noise of a dark sky above 0 in 16 bits


@dataclass(frozen=True, slots=True)
class Stacked:
    """What became of a frame."""

    used: bool
    reason: str = ""  # why it was left out
    pose: Pose | None = None


@exact_kernel
def _accumulate(image, mean, square, weight, frames, share, noise, sky, clip, first, end):
    """Weighted Welford mean of (h, w, c); a pixel far from the mean in all colours together is left out."""
    channels = image.shape[2]
    for y in range(first, end):
        for x in range(image.shape[1]):
            if image[y, x, 0] < np.float32(-1e8):  # outside the frame
                continue
            total, known = np.float32(0), np.float32(0)
            for c in range(channels):
                total += image[y, x, c]
                known += mean[y, x, c]
            away = total - known
            n = frames[y, x]
            if n >= 3:
                star = max(known - sky, np.float32(0))
                floor = noise * noise * (np.float32(1) + star / max(sky, np.float32(1)))
                floor += np.float32(0.01) * star * star  # seeing makes stars breathe
                spread = max(square[y, x] / weight[y, x] * n / (n - np.float32(1)), floor)
                if away * away > clip * clip * spread:
                    continue
            before = weight[y, x]
            weight[y, x] = before + share
            part = share / (before + share)
            square[y, x] += share * away * away * (np.float32(1) - part)
            for c in range(channels):
                mean[y, x, c] += part * (image[y, x, c] - mean[y, x, c])
            frames[y, x] = n + np.float32(1)


class LiveStack:
    """A running stack.

    Frames of other places, of clouds or out of focus are left out with a reason. What differs smoothly
    between frames (moon, twilight, a town's glow) is taken to the level of the first one.

    Attributes:
        used: frames in it.
        exposure_s: of them together.
        reasons: why others were left out, and how many.
        placed: how many were laid on the first by their solved position, and by the pattern of the stars.
    """

    def __init__(self) -> None:
        self.used = 0
        self.exposure_s: Seconds = 0.0
        self.reasons: dict[str, int] = {}
        self.placed: dict[str, int] = {"plate": 0, "pattern": 0}
        self._reference: Reference | None = None
        self._first: dict[str, float] = {}
        self._sharpest: Pixels = np.inf
        self._seeds: list[Floats] = []
        self._shares: list[float] = []
        self._arrays: Arrays = {}

    def append(self, frame: NightFrame, plate: Wcs | None = None) -> Stacked:
        """Add a frame; `plate` says where it looks, if that is known."""
        plane = self._planes(frame)
        stars = _stars(frame, plane)
        places, sharp = _lone(stars)
        noise = float(np.median(stars.noise)) * (3 if plane.shape[2] == 3 else 1)
        if self._reference is None:
            if len(places) < 12:
                return self._left_out("too few stars to begin with")
            self._begin(plate, plane, places, stars, noise)
            pose = Pose(np.eye(2, 3), len(places), 0.0)
        else:
            if plane.shape != self._arrays["mean"].shape:
                return self._left_out("another size")
            if len(stars) < _FEWER_STARS * self._first["stars"]:
                return self._left_out("clouds")
            if sharp > _BLURRED * self._sharpest:
                return self._left_out("out of focus or trailed")
            try:
                pose = self._reference.pose(places, plate)
            except NoOverlapError as error:
                return self._left_out(f"not laid on: {error}")
            plane = _warped(plane, pose)
            self.placed[pose.by] += 1
        self._sharpest = min(self._sharpest, sharp)
        self._add(plane, float(np.clip((self._first["noise"] / noise) ** 2, 0.2, 5.0)))
        self.used += 1
        self.exposure_s += frame.exposure_s
        return Stacked(True, pose=pose)

    def image(self) -> Floats:
        """The stack so far, (h, w, c) ADU above the dark level plus a constant; c is 1 or 3.

        Raises `ValueError` before the first frame.
        """
        if not self.used:
            raise ValueError("nothing is stacked yet")
        if self._seeds:
            return _median(self._seeds)
        return self._arrays["mean"]

    def coverage(self) -> Floats:
        """(h, w) how many frames each pixel has."""
        return (
            self._arrays["frames"]
            if not self._seeds
            else np.full(self.image().shape[:2], float(self.used), np.float32)
        )

    # ---- between processes

    def state(self) -> tuple[Meta, Arrays]:
        """For `restore`."""
        reference = self._reference
        meta: Meta = {
            "used": self.used, "exposure_s": self.exposure_s, "reasons": self.reasons, "first": self._first,
            "placed": self.placed,
            "sharpest": self._sharpest if np.isfinite(self._sharpest) else None, "shares": self._shares,
        }  # fmt: skip
        arrays = dict(self._arrays)
        if reference is not None:
            arrays["reference"] = reference.places
            if reference.plate is not None:
                p = reference.plate
                where = [float(value) for value in (p.ra_deg, p.dec_deg, p.x, p.y)]
                meta["plate"] = [*where, np.asarray(p.cd, float).tolist()]
        for n, seed in enumerate(self._seeds):
            arrays[f"seed{n}"] = seed
        return meta, arrays

    def restore(self, meta: Meta, arrays: Arrays) -> None:
        """Go on where `state` was taken."""
        self.used, self.exposure_s = meta["used"], meta["exposure_s"]
        self.reasons, self._first, self._shares = meta["reasons"], meta["first"], meta["shares"]
        self._sharpest = meta["sharpest"] if meta["sharpest"] is not None else np.inf
        self.placed = meta["placed"]
        plate = meta.get("plate")
        wcs = Wcs(*plate[:4], cd=(tuple(plate[4][0]), tuple(plate[4][1]))) if plate else None
        if "reference" in arrays:
            self._reference = Reference(arrays["reference"], wcs)
        self._arrays = {
            name: arrays[name] for name in ("mean", "square", "weight", "frames") if name in arrays
        }
        self._seeds = [arrays[f"seed{n}"] for n in range(len(self._shares)) if f"seed{n}" in arrays]

    # ---- one frame

    def _planes(self, frame: NightFrame) -> Floats:
        """(h, w, c) above the dark level, without hot pixels."""
        if frame.image.ndim == 3:
            plane = frame.image.astype(np.float32, order="C")
            plane -= np.float32(frame.offset)
            return plane
        plane = repaired(frame.image, mosaic=frame.kind == "mosaic")
        plane -= np.float32(frame.offset)
        if frame.kind == "mono":
            return plane[..., None]
        scale = np.float32(min(60_000 / max(frame.top, 1.0), 16.0))
        plane += np.float32(_PEDESTAL)
        plane *= scale
        plane += np.float32(0.5)
        whole = np.clip(plane, 0, 65535, out=plane).astype(np.uint16)
        del plane
        colour = cv2.cvtColor(whole, cv2.COLOR_BayerRGGB2RGB).astype(np.float32)
        colour /= scale
        return colour

    def _begin(
        self, plate: Wcs | None, plane: Floats, places: NDArray[np.float64], stars: Detections, noise: float
    ) -> None:
        self._reference = Reference(places, plate)
        self._first = {
            "stars": float(len(stars)),
            "noise": noise,
            "sky": float(np.median(plane[::8, ::8].sum(axis=2))),
        }
        shape = plane.shape[:2]
        self._arrays = {
            # Not zeros_like: it takes memory before there is anything.
            "mean": np.zeros(plane.shape, np.float32),
            "square": np.zeros(shape, np.float32),
            "weight": np.zeros(shape, np.float32),
            "frames": np.zeros(shape, np.float32),
        }

    def _left_out(self, reason: str) -> Stacked:
        short = reason.partition(":")[0]
        self.reasons[short] = self.reasons.get(short, 0) + 1
        return Stacked(False, reason)

    def _add(self, plane: Floats, share: float) -> None:
        first_of = self._seeds[0] if self._seeds else self._arrays["mean"] if self.used else None
        if first_of is not None:
            _level(plane, first_of)
        wanted = int(np.clip(_SEED_BYTES // plane.nbytes, 3, _SEEDS))
        if self.used < wanted:
            self._seeds.append(plane)
            self._shares.append(share)
            if len(self._seeds) == wanted:
                self._sow()
            return
        self._accumulate(plane, share)

    def _sow(self) -> None:
        """The median of the first frames says which of their pixels are satellites."""
        noise, sky = self._first["noise"], self._first["sky"]
        self._arrays["mean"] = middle = _median(self._seeds)  # what no frame fills stays so
        for first in range(0, len(middle), _ROWS):
            rows = slice(first, first + _ROWS)
            known = middle[rows].sum(axis=2)
            star = np.maximum(known - sky, 0)
            limit = (_CLIP**2) * (noise**2 * (1 + star / max(sky, 1.0)) + 0.01 * star**2)
            for plane in self._seeds:
                plane[rows][(plane[rows].sum(axis=2) - known) ** 2 > limit] = -1e9
        while self._seeds:  # each goes when it is in, for the sums take memory now
            self._accumulate(self._seeds.pop(0), self._shares.pop(0))

    def _accumulate(self, plane: Floats, share: float) -> None:
        a, noise, sky = self._arrays, np.float32(self._first["noise"]), np.float32(self._first["sky"])
        in_bands(
            plane.shape[0],
            lambda first, end: _accumulate(
                plane, a["mean"], a["square"], a["weight"], a["frames"], np.float32(share), noise, sky,
                np.float32(_CLIP), first, end,
            ),
        )  # fmt: skip


def _median(planes: list[Floats]) -> Floats:
    """Of each pixel, a few rows at a time: all at once it would take three times what the planes do.

    Pixels are sorted by exchanging two planes, 20 times as fast as sorting each pixel's few values.
    """
    middle, n = np.empty_like(planes[0]), len(planes)
    for first in range(0, len(middle), _ROWS):
        part = [plane[first : first + _ROWS] for plane in planes]
        part = [
            np.where(one < np.float32(-1e8), part[0], one) for one in part
        ]  # the first one reaches everywhere
        for last in range(n - 1, 0, -1):
            for k in range(last):
                part[k], part[k + 1] = np.minimum(part[k], part[k + 1]), np.maximum(part[k], part[k + 1])
        middle[first : first + _ROWS] = (part[(n - 1) // 2] + part[n // 2]) / np.float32(2)
    return middle


def _stars(frame: NightFrame, plane: Floats) -> Detections:
    if frame.kind == "mono":
        return detect(plane[..., 0], "mono", top=frame.top - frame.offset, most=600)
    return detect(plane, "rgb", top=frame.top - frame.offset, most=600)


def _lone(stars: Detections) -> tuple[NDArray[np.float64], Pixels]:
    """Places (n, 2) of unsaturated stars that do not crowd, and their median FWHM.

    The trail of a satellite is found as a row of bright "stars".
    """
    from scipy.spatial import KDTree

    good = np.flatnonzero(~stars.saturated)
    places = np.stack([stars.x[good], stars.y[good]], axis=1)
    if len(good) > _ENOUGH:
        lone = KDTree(places).query(places, k=3)[0][:, 2] > _CROWDED
        if lone.sum() >= _ENOUGH:
            good, places = good[lone], places[lone]
    return places, float(np.median(stars.fwhm[good][:150])) if len(good) else np.inf


def _warped(plane: Floats, pose: Pose) -> Floats:
    """The frame as the reference sees it; far below 0 where it does not reach."""
    height, width = plane.shape[:2]
    flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    out = cv2.warpAffine(plane, pose.matrix, (width, height), flags=flags, borderMode=cv2.BORDER_REPLICATE)
    out = out.reshape(plane.shape)
    # Where the frame has no pixels: its edges, carried over.
    inner = np.array([[1.0, 1], [width - 2, 1], [width - 2, height - 2], [1, height - 2]])
    back = (inner - pose.matrix[:, 2]) @ np.linalg.inv(pose.matrix[:, :2]).T
    inside = np.zeros((height, width), np.uint8)
    cv2.fillConvexPoly(inside, np.round(back * 256).astype(np.int32), 1, shift=8)
    out[inside == 0] = -1e9
    return out


def _level(plane: Floats, to: Floats) -> None:
    """Take away, in place, what differs by a plane from `to`: medians of blocks, per colour."""
    height, width = plane.shape[:2]
    step = max(1, min(height, width) // 256)
    for c in range(plane.shape[2]):
        part = plane[::step, ::step, c]
        known = part > -1e8
        apart = np.where(known, part - to[::step, ::step, c], np.nan)
        rows, columns = (np.array_split(np.arange(n), _BLOCKS) for n in apart.shape)
        points = []
        for j in rows:
            for i in columns:
                block = apart[j[0] : j[-1] + 1, i[0] : i[-1] + 1]
                block = block[np.isfinite(block)]
                if len(block) > 30:
                    points.append((i.mean() * step / width, j.mean() * step / height, np.median(block)))
        if len(points) < 6:
            continue
        x, y, level = np.array(points).T
        design = np.stack([np.ones_like(x), x, y], axis=1)
        answer = np.linalg.lstsq(design, level, rcond=None)[0]
        slope = (answer[0] + answer[1] * np.arange(width) / width).astype(np.float32)
        plane[..., c] -= slope[None, :] + (answer[2] * np.arange(height) / height).astype(np.float32)[:, None]


def stack_picture(stack: LiveStack) -> NDArray[np.uint8]:
    """(h, w, 3) as shown, background neutral. Raises `ValueError` before the first frame."""
    image = stack.image()
    level = np.array([max(float(np.median(image[::8, ::8, c])), 1e-3) for c in range(image.shape[2])])
    white = np.clip(level[len(level) // 2] / level, 0.3, 4.0)
    top = float(np.quantile(image[::4, ::4], 0.9999))
    return developed(image, 0.0, max(top, 1.0), white if len(white) == 3 else np.ones(3))


def write_fits(path: Path, stack: LiveStack) -> Path:
    """The stack as 32-bit FITS (colour: three planes), replaced as a whole. Raises `ValueError`, `OSError`."""
    from astropy.io import fits

    image = stack.image()
    data = image[..., 0] if image.shape[2] == 1 else np.moveaxis(image, 2, 0)
    hdu = fits.PrimaryHDU(np.array(data, np.float32, order="C"))  # its bytes are swapped while it is written
    hdu.header["STACKCNT"] = (stack.used, "frames in the stack")
    hdu.header["EXPTIME"] = (stack.exposure_s, "[s] all of them together")
    hdu.header["PLACED"] = (stack.placed["plate"], "of them laid on the first by solved positions")
    hdu.header["ROWORDER"] = ("TOP-DOWN", "first row is the top of the picture")
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    try:
        hdu.writeto(temporary, overwrite=True)
        fsync_file(temporary)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    fsync_folder(path.parent)
    return path
