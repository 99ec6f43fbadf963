"""Telescopes, lenses and sensors as the renderer and the solver see them.

DWARF 3 optics and sensors: FITS headers and data sheets of the device. Electronics of the IMX678 are not
published for the DWARF; the figures here are of its data sheet family and of astronomical cameras with the
same chip.
"""

from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np

from sky.angles import ARCSEC_PER_RADIAN
from sky.projection import Lens
from skycam_project.common.units import Arcseconds, Degrees, Micrometres, Millimetres, Pixels

Colours = tuple[float, float, float]
"""One value each for the red, green and blue pixels."""


@dataclass(frozen=True, slots=True)
class Optics:
    """A lens or telescope."""

    focal_length_mm: Millimetres
    f_number: float
    kind: Literal["perspective", "fisheye"] = "perspective"
    transmission: float = 0.80
    spot_px: Pixels = 1.6  # FWHM of a star without seeing
    vignetting: float = (
        0.18  # share of the light lost in the corner (perspective) or at the horizon (fisheye)
    )
    k3: float = 0.0
    k5: float = 0.0

    @property
    def aperture_cm2(self) -> float:
        """Light-collecting area."""
        return float(np.pi * (self.focal_length_mm / self.f_number / 20) ** 2)


@dataclass(frozen=True, slots=True)
class Sensor:
    """A chip and its electronics.

    `electrons_per_adu` holds at gain 0 (`tenth_db`: 0.1 dB per step, as Sony's chips count) or at ISO 100
    (`iso`).
    """

    width: int
    height: int
    pixel_um: Micrometres
    bits: int
    electrons_per_adu: float
    offset_adu: float
    read_noise_e: float
    full_well_e: float
    gain_law: Literal["tenth_db", "iso"] = "tenth_db"
    dark_e_per_s: float = 0.02  # mean, at 25 °C
    dark_doubling_k: float = 6.0
    hot_fraction: float = 4e-4
    response: float = 0.006  # relative scatter of the pixels' sensitivity
    quantum_efficiency: Colours = (0.55, 0.75, 0.60)
    mosaic: Literal["RGGB", ""] = "RGGB"  # "" = monochrome
    serial: int = 1  # each has its own hot pixels and response

    def adu_gain(self, gain: float) -> float:
        """Electrons per ADU at a gain setting (0.1 dB or ISO)."""
        if self.gain_law == "iso":
            return self.electrons_per_adu * 100 / gain
        return self.electrons_per_adu * 10 ** (-gain / 200)

    @property
    def top_adu(self) -> int:
        """Largest number the converter can give."""
        return 2**self.bits - 1

    @property
    def mosaic_channels(self) -> tuple[int, int, int, int]:
        """Channel (0 R, 1 G, 2 B) by 2 × (row odd) + (column odd)."""
        return (0, 1, 1, 2) if self.mosaic else (1, 1, 1, 1)


@dataclass(frozen=True, slots=True)
class Filter:
    """Share of the light that passes: of stars and sky (continuum), of glowing gas (lines)."""

    name: str
    continuum: Colours = (1.0, 1.0, 1.0)
    lines: Colours = (1.0, 1.0, 1.0)


@dataclass(frozen=True, slots=True)
class Instrument:
    """One camera behind one lens."""

    name: str
    optics: Optics
    sensor: Sensor
    filters: tuple[Filter, ...] = field(default=(Filter("none"),))
    focus_um_per_step: Micrometres = 2.0

    @property
    def scale_arcsec(self) -> Arcseconds:
        """Arcseconds per pixel in the middle of the picture."""
        return ARCSEC_PER_RADIAN * self.sensor.pixel_um / 1000 / self.optics.focal_length_mm

    @property
    def lens(self) -> Lens:
        """The mapping of directions to pixels."""
        return Lens(
            self.optics.kind,
            ARCSEC_PER_RADIAN / self.scale_arcsec,
            (self.sensor.width - 1) / 2,
            (self.sensor.height - 1) / 2,
            self.optics.k3,
            self.optics.k5,
        )

    @property
    def field_deg(self) -> tuple[Degrees, Degrees]:
        """Width and height of the field across the middle; of a fisheye the sensor's, at most 180°."""
        lens = self.lens
        ends = [np.degrees(2 * lens.theta(n / 2)) for n in (self.sensor.width, self.sensor.height)]
        return float(np.nan_to_num(ends[0], nan=180.0)), float(np.nan_to_num(ends[1], nan=180.0))

    @property
    def half_diagonal_deg(self) -> Degrees:
        """Angle from the middle to a corner; 110 for a fisheye whose circle lies inside the sensor."""
        corner = self.lens.theta(np.hypot(self.sensor.width, self.sensor.height) / 2)
        return float(np.degrees(corner)) if np.isfinite(corner) and corner < np.radians(110) else 110.0

    def filter(self, name: str) -> Filter:
        """Raises `KeyError` when this instrument has no such filter."""
        for one in self.filters:
            if one.name.lower() == name.lower():
                return one
        raise KeyError(f"{self.name} has no filter {name!r}; it has {[one.name for one in self.filters]}")

    def stopped(self, f_number: float) -> "Instrument":
        """The same instrument with its diaphragm at another f-number."""
        return replace(self, optics=replace(self.optics, f_number=f_number))


DWARF3_TELE = Instrument(
    name="DWARF 3 tele",
    optics=Optics(focal_length_mm=150.0, f_number=150 / 35),
    sensor=Sensor(
        width=3840,
        height=2160,
        pixel_um=2.0,
        bits=12,
        electrons_per_adu=2.7,
        offset_adu=200.0,
        read_noise_e=1.4,
        full_well_e=11_000.0,
        serial=678,
    ),
    filters=(
        Filter("VIS"),
        Filter("Astro", continuum=(1.15, 1.0, 1.0), lines=(1.25, 1.0, 1.0)),  # reaches further into the red
        Filter("Duo-band", continuum=(0.16, 0.22, 0.12), lines=(0.92, 0.85, 0.35)),
        Filter("Dark", continuum=(0.0, 0.0, 0.0), lines=(0.0, 0.0, 0.0)),
    ),
)

DWARF3_WIDE = Instrument(
    name="DWARF 3 wide",
    optics=Optics(focal_length_mm=6.7, f_number=2.4, spot_px=1.8, vignetting=0.35),
    sensor=Sensor(
        width=1920,
        height=1080,
        pixel_um=2.9,
        bits=12,
        electrons_per_adu=2.9,
        offset_adu=200.0,
        read_noise_e=1.2,
        full_well_e=12_000.0,
        serial=679,
    ),
)

DSLR = Instrument(
    name="DSLR 24 mm",
    optics=Optics(focal_length_mm=24.0, f_number=2.8, spot_px=1.5, vignetting=0.45),
    sensor=Sensor(
        width=6000,
        height=4000,
        pixel_um=3.72,
        bits=14,
        electrons_per_adu=2.1,
        offset_adu=600.0,
        read_noise_e=2.5,
        full_well_e=32_000.0,
        gain_law="iso",
        dark_e_per_s=0.05,
        serial=77,
    ),
)

DSLR_SMALL = replace(
    DSLR,
    name="DSLR 24 mm, 6 Mpx",
    sensor=replace(
        DSLR.sensor,
        width=3000,
        height=2000,
        pixel_um=7.44,
        electrons_per_adu=8.4,
        full_well_e=128_000.0,
        read_noise_e=5.0,
    ),
)
"""The same camera set to its small JPEG: four pixels in one."""

ALLSKY = Instrument(
    name="all-sky",
    optics=Optics(
        focal_length_mm=2.5, f_number=2.0, kind="fisheye", transmission=0.7, spot_px=1.8, vignetting=0.30
    ),
    sensor=Sensor(
        width=3096,
        height=2080,
        pixel_um=2.4,
        bits=14,
        electrons_per_adu=1.0,
        offset_adu=100.0,
        read_noise_e=2.0,
        full_well_e=15_000.0,
        serial=183,
    ),
)
