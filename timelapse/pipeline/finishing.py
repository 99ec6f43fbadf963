"""What a frame goes through beside deflickering and denoising: lens before, colours, crop and writing behind.

Everything here is off unless the recipe asks for it; then it costs nothing.
"""

from datetime import datetime

import numpy as np

from timelapse.pipeline import colour, heads, warp
from timelapse.pipeline.decode import SENSOR
from timelapse.pipeline.errors import FrameError
from timelapse.pipeline.frames import FrameSource, suffix
from timelapse.pipeline.keyframes import track
from timelapse.pipeline.lens import Correction, Lens, Named, correction, straighten
from timelapse.pipeline.overlay import draw
from timelapse.pipeline.planes import Planes
from timelapse.pipeline.recipe import Recipe
from timelapse.pipeline.solution import Solution


class Finishing:
    """Makes the pictures of one sequence.

    Args:
        source: frames.
        solution: what is done to them.
        recipe: what is wanted.

    Raises:
        InvalidValueError: the lens is not known.
    """

    def __init__(self, source: FrameSource, solution: Solution, recipe: Recipe) -> None:
        self._source, self._solution, self._recipe = source, solution, recipe
        self._lens = lens_of(source, recipe.lens) if recipe.lens else None
        count = len(solution.indices)
        names = ("temperature_k", "tint", "zoom", "x", "y")
        self._tracks = {name: track(recipe.key_frames, name, count) for name in names}
        self._coloured = bool(self._tracks["temperature_k"].any() or self._tracks["tint"].any())
        self._zoomed = bool((self._tracks["zoom"] != 1).any())

    def moved(self, planes: Planes, place: int) -> Planes:
        """Working planes of a decoded frame: straightened, moved, tones remapped."""
        matrix, tables = self._solution.matrices[place], self._solution.tables(place)
        if self._lens is not None:
            return warp.render(straighten(planes, self._lens, matrix), warp.IDENTITY, *tables)
        return warp.render(planes, matrix, *tables)

    def shown(self, planes: Planes, moment: float) -> Planes:
        """The finished picture at a moment, in places of the sequence; what is given may be written on."""
        if self._recipe.look.local_contrast:
            planes = colour.local_contrast(planes, self._recipe.look.local_contrast)
        if self._coloured:
            factors = colour.gains(self._at("temperature_k", moment), self._at("tint", moment))
            planes = colour.balance(planes, factors)
        if self._zoomed and (zoom := self._at("zoom", moment)) > 1:
            planes = crop(planes, zoom, self._at("x", moment), self._at("y", moment))
        if self._recipe.overlay is not None:
            planes = Planes(*(plane.copy() for plane in planes))  # the denoiser goes on with what it gave
            draw(planes, self._recipe.overlay, self._time(moment))
        return planes

    def still(self, place: int) -> Planes:
        """The finished picture of one place, without denoising. Raises `FrameError`."""
        planes = self._source.read_yuv(self._solution.indices[place])
        return self.shown(self.moved(planes, place), place)

    def _at(self, name: str, moment: float) -> float:
        values = self._tracks[name]
        return float(np.interp(moment, np.arange(len(values)), values))

    def _time(self, moment: float) -> datetime | None:
        frames = self._source.frames
        before, after = (
            frames[self._solution.indices[int(step(moment))]].time for step in (np.floor, np.ceil)
        )
        if before is None or after is None:
            return before
        return before + (after - before) * (moment - int(moment))


def lens_of(source: FrameSource, lens: Lens) -> Correction:
    """The correction of a source's frames. Raises `InvalidValueError` when the lens is not known."""
    optics = {}
    if isinstance(lens, Named) and not (lens.camera and lens.lens and lens.focal_mm):
        name, data = source.read_original(0)
        try:
            optics = heads.optics(data, name, suffix(name) in SENSOR)
        except FrameError:  # an array: the recipe has to say it all
            optics = {}
    return correction(lens, (source.size[0] & ~1, source.size[1] & ~1), optics)


def crop(planes: Planes, zoom: float, x: float, y: float) -> Planes:
    """A part of working planes, `1 / zoom` wide and high about (x, y) (0 to 1), in the size of the whole."""
    import cv2

    width, height = planes.size
    half = 0.5 / zoom
    left = (min(max(x, half), 1 - half) - half) * width
    top = (min(max(y, half), 1 - half) - half) * height
    parts = []
    for plane, scale in ((planes.y, 1.0), (planes.u, 0.5), (planes.v, 0.5)):
        shift = np.array([left, top]) * scale + 0.5 / zoom - 0.5
        matrix = np.array([[1 / zoom, 0, shift[0]], [0, 1 / zoom, shift[1]]])
        flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
        parts.append(
            cv2.warpAffine(plane, matrix, plane.shape[::-1], flags=flags, borderMode=cv2.BORDER_REPLICATE)
        )
    return Planes(*parts)
