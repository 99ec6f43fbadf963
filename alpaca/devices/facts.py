"""What is known of an instrument from its settings and model, and does not change while it is connected."""

from dataclasses import dataclass

from skycam_project.common.units import Degrees, Metres, Micrometres, Millimetres


@dataclass(frozen=True, slots=True)
class Site:
    """Where the telescope stands; longitude east positive."""

    latitude_deg: Degrees
    longitude_deg: Degrees
    elevation_m: Metres


@dataclass(frozen=True, slots=True)
class Optics:
    """The camera that a mount points; the defaults are the DWARF 3's main camera.

    Attributes:
        pixel_um: edge of a pixel.
        sensor: its name.
        highest_adu: largest value of a raw pixel.
        bayer: colours of the top left 2 × 2 pixels, row by row; empty for a sensor without colours.
    """

    focal_length_mm: Millimetres = 150.0
    aperture_mm: Millimetres = 35.0
    pixel_um: Micrometres = 2.0
    sensor: str = "IMX678"
    highest_adu: int = 4095
    bayer: str = "RGGB"
