"""What an all-sky or fixed camera should see: calibrated by its own stars, then cloud cover and sky brightness."""

import contextlib
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sky.allsky import AllSkyFit, calibrate, pixels
from sky.angles import ARCSEC_PER_RADIAN
from sky.catalogue import stars as star_table
from sky.coordinates import Observer, airmass
from sky.errors import NoMatchError, SkyError
from sky.matching import nearest
from sky.photometry import apertures, cloud_cover, sky_quality
from skycam_project.common.units import Degrees, Magnitudes
from timelapse.night.frames import Look

_CALIBRATION_V = 5.5
_LOWEST: Degrees = 20.0
_NEAR_AXIS: Degrees = 15.0
_ZENITH = 0.04
"""Half the side of the patch whose sky is measured, over the picture's shorter side."""
_CLOUDY: Magnitudes = 0.7
_HAZE: Magnitudes = 0.2
_EXTINCTION, _COLOUR = 0.20, 0.10
_FEWEST = 8
_MOSTLY_SEEN = 0.6
"""Share of the bright stars that must be there where a frame says how bright they are in the clear."""
_RETRY = 10
_LEAST_STARS = 60
_GUESSES = 3
_FOCAL_SHARES = (0.5, 0.37, 0.28, 0.68, 0.22)
"""Focal lengths of all-sky lenses over the picture's shorter side: from a circle that overfills it to one inside."""
_SURE = 60
"""Stars that must fit where the focal length was a guess."""
_CERTAIN_SUN: Degrees = -13.0


@dataclass(frozen=True, slots=True)
class SkyNumbers:
    """Of one frame; None: not known."""

    sky_mag: Magnitudes | None = None  # V mag/arcsec²
    cloud: float | None = None  # 0…1


class SkyView:
    """Finds out once how the camera looks at the sky, then measures each frame.

    Attributes:
        fit: of an all-sky camera, once its stars have said it.
        unknown: why the last frame without a sky brightness has none, for people.
    """

    def __init__(self) -> None:
        self.fit: AllSkyFit | None = None
        self.unknown = ""
        self._tried = 0
        self._clear: float = 0.0
        self._clear_zero: Magnitudes = -np.inf
        self._zenith_zero: Magnitudes = -np.inf

    def measure(self, look: Look) -> SkyNumbers:
        """Sky brightness and cloud cover of a frame."""
        if look.sun_deg is not None and look.sun_deg > -9:
            return SkyNumbers()
        alone = look.solution is None and look.frame.hint is None
        if alone and look.camera.site and look.camera.lens != "perspective":
            numbers = self._all_sky(look)
        else:
            numbers = SkyNumbers(self._field(look), self._by_count(look))
        if numbers.sky_mag is None:
            self.unknown = self._why(look)
        return numbers

    def _why(self, look: Look) -> str:
        """What is missing for a sky brightness."""
        if not look.frame.linear:
            return "a picture with a tone curve does not say how much light there was; raw frames do"
        if not look.frame.dark_known:
            return "the dark level is not known: a dark in the library or offset_adu says it"
        if look.frame.kind == "rgb":
            return "only raw mosaics and monochrome frames are measured"
        if look.camera.site is None and look.frame.hint is None:
            return "the site is not known: latitude_deg and longitude_deg say it"
        if self.fit is None and look.solution is None:
            if look.scale_arcsec is None:
                return "the stars fit no all-sky lens, and no scale is known: scale_arcsec says it"
            return "the stars fit no field of the catalogue at the known scale"
        return "too few stars can be measured"

    def state(self) -> dict[str, Any]:
        """For `restore`; the camera is calibrated anew."""
        values = {"clear": self._clear, "clear_zero": self._clear_zero, "zenith_zero": self._zenith_zero}
        return {name: value for name, value in values.items() if np.isfinite(value)}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on where `state` was taken."""
        self._clear = state.get("clear", 0.0)
        self._clear_zero = state.get("clear_zero", -np.inf)
        self._zenith_zero = state.get("zenith_zero", -np.inf)

    # ---- by the catalogue, all-sky

    def _all_sky(self, look: Look) -> SkyNumbers:
        if self.fit is None and not self._calibrate(look):
            return SkyNumbers(cloud=self._by_count(look))
        assert self.fit is not None  # noqa: S101 - for the type checker
        rows, x, y, altitude = self._expected(look, self.fit)
        height, width = look.frame.image.shape[:2]
        inside = (x > 20) & (x < width - 20) & (y > 20) & (y < height - 20)
        rows, x, y, altitude = rows[inside], x[inside], y[inside], altitude[inside]
        zero = self._zero_points(look, rows, x, y, altitude)
        cover = self._cover(look, zero, rows, x, y)
        return SkyNumbers(self._sky(look, self.fit, zero, x, y, altitude, cover), cover)

    @staticmethod
    def _zero_points(
        look: Look, rows: NDArray, x: NDArray, y: NDArray, altitude: NDArray
    ) -> NDArray[np.float64]:
        """V outside the atmosphere of a star that gives 1 ADU per second, by each star; -inf: it is not seen."""
        table, stars, frame = star_table(), look.stars, look.frame
        reach = max(4.0, 1.5 * (look.fwhm or 3.0))
        pairs = nearest(x, y, stars.x, stars.y, reach)
        zero = np.full(len(rows), -np.inf)
        seen = np.flatnonzero(pairs >= 0)
        at, mosaic = pairs[seen], frame.kind == "mosaic"
        image = frame.image if frame.image.ndim == 2 else frame.image[:, :, 1]
        if image.dtype != np.uint16:
            image = image.astype(np.float32)
        light, _, peak = apertures(image, stars.x[at], stars.y[at], mosaic=mosaic)
        good = np.isfinite(light) & (light > 0)
        row = rows[seen[good]]
        v = table.v[row] + _COLOUR * table.bv[row] * mosaic + _EXTINCTION * airmass(altitude[seen[good]])
        zero[seen[good]] = v + 2.5 * np.log10(light[good] * (2 if mosaic else 1) / frame.exposure_s)
        zero[seen[good & (peak > 0.8 * frame.top)]] = np.nan  # too bright to say more than: it is there
        return zero

    def _cover(self, look: Look, zero: NDArray, rows: NDArray, x: NDArray, y: NDArray) -> float | None:
        """Share of tiles where half of the stars are missing, or dimmer than in the clear by 0.7 mag."""
        bright = star_table().v[rows] < self._limit(look)
        there = ~np.isneginf(zero)  # NaN: saturated, thus there
        measured = zero[bright & np.isfinite(zero)]
        # Where most stars are missing, the light found in the place of a faint one may be the edge of a cloud.
        sure = len(measured) >= _FEWEST and there[bright].mean() > _MOSTLY_SEEN
        if sure and look.frame.linear:
            self._clear_zero = max(self._clear_zero, float(np.median(measured)))
        through = there & ~(zero < self._clear_zero - _CLOUDY)
        height, width = look.frame.image.shape[:2]
        cover, _ = cloud_cover(
            (x[bright & through], y[bright & through]),
            (x[bright], y[bright]),
            width,
            height,
            within=1.0,
            fewest=2,
        )
        return cover if np.isfinite(cover) else None

    @staticmethod
    def _limit(look: Look) -> Magnitudes:
        """Stars that a clear sky shows even when the moon or twilight brightens it."""
        level = (float(np.median(look.stars.background)) - look.frame.offset) / (
            look.frame.top - look.frame.offset
        )
        return float(np.clip(4.3 - 1.6 * np.log10(max(level, 1e-6) / 0.01), 2.0, 5.0))

    def _calibrate(self, look: Look) -> bool:
        """One try every ten frames with enough stars; without a scale only a few, then it is no all-sky camera."""
        stars = look.stars
        if len(stars) < _LEAST_STARS or (look.sun_deg or -90) > _CERTAIN_SUN:
            return False
        self._tried += 1
        if self._tried % _RETRY != 1:
            return False
        height, width = look.frame.image.shape[:2]
        if look.camera.scale_arcsec:
            focal = [ARCSEC_PER_RADIAN / look.camera.scale_arcsec]
        elif self._tried <= _GUESSES * _RETRY:
            focal = [share * min(width, height) for share in _FOCAL_SHARES]
        else:
            return False
        observer = look.observer
        assert observer is not None  # noqa: S101 - for the type checker
        rows = np.flatnonzero(star_table().v < _CALIBRATION_V)
        directions, altitude = _directions(observer, rows)
        up = altitude > 10
        for guess in focal:
            with contextlib.suppress(NoMatchError):
                fit = calibrate(
                    stars.x, stars.y, directions[up], star_table().v[rows[up]].astype(np.float64), width, height, guess
                )  # fmt: skip
                if len(focal) == 1 or fit.matched >= _SURE:
                    self.fit = fit
                    return True
        return False

    @staticmethod
    def _expected(look: Look, fit: AllSkyFit) -> tuple[NDArray, NDArray, NDArray, NDArray]:
        rows = np.flatnonzero(star_table().v < _CALIBRATION_V)
        observer = look.observer
        assert observer is not None  # noqa: S101 - for the type checker
        directions, altitude = _directions(observer, rows)
        up = altitude > _LOWEST
        x, y = pixels(fit, directions[up], look.frame.image.shape[1])
        return rows[up], x, y, altitude[up]

    def _sky(
        self, look: Look, fit: AllSkyFit, zero: NDArray, x: NDArray, y: NDArray, altitude: NDArray,
        cover: float | None,
    ) -> Magnitudes | None:  # fmt: skip
        """About the zenith: the sky there, by the zero point of the stars there."""
        frame = look.frame
        good = np.isfinite(zero) & (altitude > 90 - _NEAR_AXIS)
        if not (frame.linear and frame.dark_known) or frame.image.ndim == 3 or good.sum() < _FEWEST:
            return None
        image, step = frame.image, 1
        if frame.kind == "mosaic":  # the green pixels of every other row are a picture of their own
            image, step = image[0::2, 1::2], 2
        x0, y0 = (int(place / step) for place in pixels(fit, np.array([0.0, 0.0, 1.0]), frame.image.shape[1]))
        reach = max(20, int(_ZENITH * min(image.shape)))  # moonlight is not even: a small patch
        level = (
            _background(image[max(y0 - reach, 0) : y0 + reach, max(x0 - reach, 0) : x0 + reach])
            - frame.offset
        )
        if level <= 0.1:
            return None
        solid = float(np.median(_solid_angle(fit, x[good], y[good], frame.image.shape[1])))
        # Stars behind a cloud are dim, the cloud is not, and its edges look like stars: the clearest frame so far
        # knows the camera.
        local = float(np.median(zero[good]))
        if cover is not None and cover < 1 - _MOSTLY_SEEN:
            self._zenith_zero = max(self._zenith_zero, local)
        known = np.isfinite(self._zenith_zero)
        clear = self._zenith_zero if known and abs(local - self._zenith_zero) > _HAZE else local
        return float(clear - 2.5 * np.log10(level / frame.exposure_s / solid))

    # ---- by a plate

    @staticmethod
    def _field(look: Look) -> Magnitudes | None:
        plate, frame = look.solution, look.frame
        if plate is None or not frame.dark_known or frame.kind == "rgb" or frame.image.dtype != np.uint16:
            return None
        try:
            altitude = look.observer.altaz(plate.ra_deg, plate.dec_deg)[0] if look.observer else 60.0
            quality = sky_quality(
                frame.image, look.stars, plate, frame.exposure_s, float(airmass(altitude)),
                mosaic=frame.kind == "mosaic", dark_adu=frame.offset, top=frame.top,
            )  # fmt: skip
        except SkyError:
            return None
        return quality.sky_mag

    # ---- by the night itself

    def _by_count(self, look: Look) -> float | None:
        """From the number of stars against the clearest frame so far."""
        count = len(look.stars)
        self._clear = max(self._clear * 0.999, float(count))
        return float(np.clip(1 - count / self._clear, 0, 1)) if self._clear >= 30 else None


def _background(image: NDArray) -> float:
    """Level of the sky between the stars: the top of the histogram, which they pull up the least."""
    values = image.astype(np.int64).ravel()
    low, middle, high = (float(q) for q in np.quantile(values, [0.001, 0.5, 0.9]))
    spread = max(middle - float(np.quantile(values, 0.16)), 1.0)
    counts = np.bincount(np.clip(values - int(low), 0, int(high - low) + 1))[:-1].astype(float)
    level = np.arange(len(counts)) + int(low)
    top = middle
    for _ in range(5):
        use = (level > top - 1.3 * spread) & (level < top + 0.7 * spread) & (counts > 5)
        if use.sum() < 5:
            return middle
        curve = np.polyfit(level[use] - top, np.log(counts[use]), 2, w=np.sqrt(counts[use]))
        if curve[0] >= 0:
            return middle
        top, spread = float(top - curve[1] / (2 * curve[0])), float(np.sqrt(-1 / (2 * curve[0])))
    return top


def _directions(observer: Observer, rows: NDArray) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """East, north, up (n, 3) and altitude of stars."""
    from sky.angles import longitude_latitude

    places = star_table().places(rows, observer.moment)
    directions = observer.direction(*longitude_latitude(places))
    return directions, np.degrees(np.arcsin(np.clip(directions[:, 2], -1, 1)))


def _solid_angle(fit: AllSkyFit, x: NDArray, y: NDArray, width: int) -> NDArray[np.float64]:
    """Square arcseconds that a pixel sees there."""
    lens = fit.lens
    away = np.hypot((width - 1 - x if fit.mirrored else x) - lens.centre_x, y - lens.centre_y)
    inner, outer = lens.theta(np.maximum(away - 0.5, 0.0)), lens.theta(away + 0.5)
    middle = np.maximum(lens.theta(np.maximum(away, 0.5)), 1e-6)
    return (outer - inner) * np.sin(middle) / np.maximum(away, 0.5) * ARCSEC_PER_RADIAN**2
