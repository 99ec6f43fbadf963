"""From magnitudes to electrons: the photometric system that renderer and photometry share.

A star of V 0 sends 1000 photons s⁻¹ cm⁻² Å⁻¹; the red, green and blue pixels take in 90, 100 and 90 nm of
it.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sky.instruments import Colours, Instrument

PHOTONS = np.array([900e3, 1000e3, 900e3])
"""Photons s⁻¹ cm⁻² of V 0 within the band of R, G and B."""
COLOUR_TERM = np.array([-0.55, 0.10, 0.85])
"""Magnitude in R, G, B = V + term × (B-V)."""
EXTINCTION = np.array([0.12, 0.20, 0.32])
"""Magnitudes per airmass in R, G, B under a clear sky."""
SUN_BV = 0.65


def throughput(instrument: Instrument, transmitted: Colours = (1.0, 1.0, 1.0)) -> NDArray[np.float64]:
    """Electrons per second of a V 0 source of B-V 0 outside the atmosphere in R, G, B."""
    optics = instrument.optics
    area = optics.aperture_cm2 * optics.transmission
    return PHOTONS * np.array(instrument.sensor.quantum_efficiency) * area * np.array(transmitted)


def star_rates(
    v: ArrayLike,
    bv: ArrayLike,
    instrument: Instrument,
    transmitted: Colours = (1.0, 1.0, 1.0),
    airmass: ArrayLike = 0.0,
    clearness: float = 1.0,
    dimming: ArrayLike = 0.0,
) -> NDArray[np.float64]:
    """Electrons per second (n, 3) that stars give in the red, green and blue pixels.

    Args:
        v: V, mag.
        bv: B-V, mag.
        instrument: lens and sensor.
        transmitted: of the filter, for continuum.
        airmass: 0 outside the atmosphere.
        clearness: factor on `EXTINCTION`; 1 = a clear night, 2 = hazy.
        dimming: further loss in magnitudes (clouds).
    """
    v, bv = np.asarray(v, np.float64)[..., None], np.asarray(bv, np.float64)[..., None]
    loss = EXTINCTION * clearness * np.asarray(airmass, np.float64)[..., None]
    m = v + COLOUR_TERM * bv + loss + np.asarray(dimming, np.float64)[..., None]
    return throughput(instrument, transmitted) * 10 ** (-0.4 * m)


def surface_rates(instrument: Instrument, transmitted: Colours = (1.0, 1.0, 1.0)) -> NDArray[np.float64]:
    """Electrons per second and pixel in R, G, B of a surface of V 0 mag/arcsec² and B-V 0."""
    return throughput(instrument, transmitted) * instrument.scale_arcsec**2
