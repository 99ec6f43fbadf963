"""Frames of the real sky for simulated cameras: `render` (raw mosaic) and `render_rgb` (picture)."""

from sky.renderer.conditions import Conditions, LightDome, Meteor
from sky.renderer.frame import Truth, render, render_rgb, render_with_truth
from sky.renderer.pointing import AltAz, Equatorial, Fixed, Pointing

__all__ = [
    "AltAz",
    "Conditions",
    "Equatorial",
    "Fixed",
    "LightDome",
    "Meteor",
    "Pointing",
    "Truth",
    "render",
    "render_rgb",
    "render_with_truth",
]
