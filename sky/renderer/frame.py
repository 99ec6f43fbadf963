"""The two products: `render`, what a sensor reads out, and `render_rgb`, a picture for a screen."""

from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from sky.coordinates import airmass
from sky.flux import surface_rates
from sky.instruments import Instrument
from sky.projection import Wcs, plate
from sky.renderer import sensor as chip
from sky.renderer import skylight
from sky.renderer.conditions import Conditions
from sky.renderer.light import draw
from sky.renderer.pointing import Pointing
from sky.renderer.scene import StarsInView, gather
from sky.renderer.view import View
from skycam_project.common.clock import microseconds_utc
from skycam_project.common.units import Celsius, Degrees, Magnitudes, Micrometres, Seconds

_MOSAIC_CELLS = 48  # along the longer side
_WIDE_CELL = 16  # pixels
_WIDE_FIELD: Degrees = 12.0


@dataclass(frozen=True, slots=True, eq=False)
class Truth:
    """What a simulated frame shows; for tests and reports, never for device code."""

    start: datetime
    exposure_s: Seconds
    ra_deg: Degrees  # ICRS of the picture's centre, mid-exposure
    dec_deg: Degrees
    altitude_deg: Degrees
    azimuth_deg: Degrees
    position_angle_deg: Degrees  # of the picture's top, east of north
    scale_arcsec: float
    sky_mag: Magnitudes  # V mag/arcsec² in the middle
    cloud_mag: Magnitudes
    airmass: float
    stars: StarsInView
    wcs: Wcs  # tangential plate through the centre; differential refraction is not in it


def _seed(start: datetime, seed: int, instrument: Instrument) -> np.uint64:
    mixed = np.random.SeedSequence([abs(seed), microseconds_utc(start) % 2**62, instrument.sensor.serial])
    return mixed.generate_state(1, np.uint64)[0]


def _cell(view: View) -> int:
    """Fine where clouds and mountains have edges, coarse in a telescope's small field."""
    if view.instrument.half_diagonal_deg * 2 > _WIDE_FIELD:
        return _WIDE_CELL
    return max(16, -(-max(view.width, view.height) // _MOSAIC_CELLS))


def _truth(view: View, sky_mag: Magnitudes, cloud_mag: Magnitudes, stars: StarsInView) -> Truth:
    ra, dec = view.centre
    altitude, azimuth = (float(a) for a in view.middle.observer.altaz(ra, dec))
    scale = view.instrument.scale_arcsec
    return Truth(
        view.start, view.exposure, ra, dec, altitude, azimuth, view.position_angle_deg, scale, sky_mag,
        cloud_mag,
        float(airmass(altitude)), stars,
        plate(ra, dec, view.lens.centre_x, view.lens.centre_y, scale, view.position_angle_deg),
    )  # fmt: skip


def render_with_truth(
    instrument: Instrument, pointing: Pointing, start: datetime, exposure: Seconds, gain: float,
    conditions: Conditions, *, filter_name: str | None = None, defocus_um: Micrometres = 0.0,
    temperature_c: Celsius = 15.0, seed: int = 0,
) -> tuple[NDArray[np.uint16], Truth]:  # fmt: skip
    """As `render`, and what the frame shows."""
    chosen = instrument.filter(filter_name) if filter_name else instrument.filters[0]
    view = View(instrument, pointing, start, exposure, conditions)
    scene = gather(view, chosen, defocus_um, 4, _cell(view))
    sensor, light = instrument.sensor, scene.light
    maps = chip.maps(sensor, instrument.optics)
    darks = maps.dark_factors * np.float32(chip.electrons_dark(instrument, exposure, temperature_c))
    out = np.empty((sensor.height, sensor.width), np.uint16)
    noise_seed, normal, poisson = _seed(start, seed, instrument), chip.normal_table(), chip.poisson_table()
    per_electron = 1 / sensor.adu_gain(gain)

    def expose(electrons: NDArray[np.float32], first_row: int) -> None:
        chip.expose_mosaic(
            electrons, first_row, light.sky, light.ground, light.land, light.has_land, light.cell, maps.flat,
            maps.dark, darks, sensor.read_noise_e, per_electron, sensor.offset_adu, sensor.top_adu,
            sensor.full_well_e, noise_seed, normal, poisson, out,
        )  # fmt: skip

    draw(light, sensor.height, sensor.width, expose)
    return out, _truth(view, scene.sky_mag, scene.cloud_mag, scene.stars)


def render(
    instrument: Instrument, pointing: Pointing, start: datetime, exposure: Seconds, gain: float,
    conditions: Conditions, *, filter_name: str | None = None, defocus_um: Micrometres = 0.0,
    temperature_c: Celsius = 15.0, seed: int = 0,
) -> NDArray[np.uint16]:  # fmt: skip
    """A raw frame as the sensor gives it.

    Args:
        instrument: lens and sensor, e.g. `instruments.DWARF3_TELE`.
        pointing: where it looks, see `pointing`.
        start: when the shutter opens, aware.
        exposure: seconds, ≥ 0.
        gain: the sensor's setting: 0.1 dB steps or ISO.
        conditions: site and weather.
        filter_name: one of the instrument's filters, the first by default. "Dark" closes the beam.
        defocus_um: distance of the sensor from the best focus.
        temperature_c: of the sensor.
        seed: of the noise. Equal arguments give equal bytes on any number of cores.

    Returns:
        (height, width) uint16 ADU, a Bayer mosaic if the sensor has one.

    Raises:
        KeyError: the instrument has no such filter.
        ValueError: `start` has no time zone.
    """
    return render_with_truth(
        instrument, pointing, start, exposure, gain, conditions, filter_name=filter_name,
        defocus_um=defocus_um, temperature_c=temperature_c, seed=seed,
    )[0]  # fmt: skip


@lru_cache(maxsize=1)
def _srgb() -> NDArray[np.uint8]:
    """SRGB codes of 16 384 linear values (IEC 61966-2-1)."""
    x = np.arange(16384) / 16383
    return np.round(255 * np.where(x <= 0.0031308, 12.92 * x, 1.055 * x ** (1 / 2.4) - 0.055)).astype(
        np.uint8
    )


def _white_balance(instrument: Instrument) -> NDArray[np.float32]:
    """Factors on R, G, B that show sunlight as white."""
    rates = surface_rates(instrument) * skylight.colour(skylight.WHITE)
    return (rates[1] / rates).astype(np.float32)


def render_rgb(
    instrument: Instrument, pointing: Pointing, start: datetime, exposure: Seconds, gain: float,
    conditions: Conditions, *, f_number: float | None = None, temperature_c: Celsius = 15.0, seed: int = 0,
) -> NDArray[np.uint8]:  # fmt: skip
    """A camera's own picture: daylight white balance, linear to sRGB, 8 bit.

    It follows exposure time, gain and f-number as a raw frame does: full scale is the full well or the
    converter's top, whichever comes first.

    Args:
        instrument: lens and sensor, e.g. `instruments.DSLR_SMALL`.
        pointing: where it looks.
        start: when the shutter opens, aware.
        exposure: seconds, > 0.
        gain: ISO (or 0.1 dB steps).
        conditions: site and weather.
        f_number: of the diaphragm; the instrument's own by default.
        temperature_c: of the sensor.
        seed: of the noise.

    Returns:
        (height, width, 3) uint8.
    """
    camera = instrument.stopped(f_number) if f_number else instrument
    view = View(camera, pointing, start, exposure, conditions)
    light = gather(view, camera.filters[0], 0.0, 3, _cell(view)).light
    sensor = camera.sensor
    saturation = min(sensor.full_well_e, (sensor.top_adu - sensor.offset_adu) * sensor.adu_gain(gain))
    rows, columns = (np.arange(n, dtype=np.float32) * light.cell for n in light.land.shape)
    passed = chip.vignette(sensor, camera.optics, columns, rows)
    dark, white = chip.electrons_dark(camera, exposure, temperature_c), _white_balance(camera)
    noise_seed, normal, curve = _seed(start, seed, camera), chip.normal_table(), _srgb()
    out = np.empty((sensor.height, sensor.width, 3), np.uint8)

    def expose(electrons: NDArray[np.float32], first_row: int) -> None:
        chip.expose_rgb(
            electrons, first_row, light.sky, light.ground, light.land, light.has_land, light.cell, passed,
            dark, sensor.read_noise_e, saturation, white, noise_seed, normal, curve, out,
        )  # fmt: skip

    draw(light, sensor.height, sensor.width, expose)
    return out
