"""Everything that shines into a camera during an exposure, gathered into `Light`."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sky import faint, flux
from sky.angles import separation_deg, unit_vector
from sky.catalogue import FAINTEST, stars
from sky.coordinates import airmass
from sky.deepsky import GALAXY, GLOBULAR, DeepSkyObject, objects
from sky.ephemeris import PLANETS, Body, body
from sky.instruments import Filter
from sky.renderer import discs, extended, land, skylight, transients
from sky.renderer.light import Light, Patch, Points
from sky.renderer.psf import stamps
from sky.renderer.view import View
from skycam_project.common.clock import microseconds_utc
from skycam_project.common.units import Magnitudes, Micrometres, Pixels

Floats = NDArray[np.float64]
Source = tuple[Floats, Floats, Floats]
"""x, y (n,) and electrons (n, 3) in R, G, B."""

_FAINT_STARS_BELOW = 15.0
"""Arcseconds per pixel: a coarser picture shows the faint stars as a glow, which the sky's brightness
holds.
"""
_MOST_POINTS = 1_500_000


@dataclass(frozen=True, slots=True, eq=False)
class StarsInView:
    """Catalogued stars in the picture, for whoever compares."""

    row: NDArray[np.int64]  # of the star table
    x: Floats
    y: Floats
    v: Floats
    electrons: Floats  # in green, of the whole star


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """The light of one exposure and what is known about it."""

    light: Light
    stars: StarsInView
    sky_mag: Magnitudes  # V mag/arcsec² in the middle of the picture
    cloud_mag: Magnitudes  # optical depth of clouds there


class Gatherer:
    """Builds the `Scene` of one exposure.

    Args:
        view: the exposure's geometry.
        chosen: the filter in the beam.
        defocus: radius of the blur disc.
        channels: 4 for a mosaic, 3 for RGB.
        cell: pixels between the nodes of the sky's grid.
    """

    def __init__(self, view: View, chosen: Filter, defocus: Pixels, channels: int, cell: int) -> None:
        self.view, self.filter, self.channels, self.cell = view, chosen, channels, cell
        sensor = view.instrument.sensor
        self.order = list(sensor.mosaic_channels) if channels == 4 else [0, 1, 2]
        self.fwhm = float(
            np.hypot(
                view.conditions.seeing_arcsec / view.instrument.scale_arcsec, view.instrument.optics.spot_px
            )
        )
        self.blur = float(np.hypot(self.fwhm, 2 * defocus))
        self.stamps = stamps(self.fwhm, defocus)
        self.lamps = skylight.Lamps.of(view.middle.observer)
        self.sources: list[Source] = []
        self.patches: list[Patch] = []

    def scene(self) -> Scene:
        """Gather it all."""
        self._grids()
        known = self._stars()
        self._solar_system()
        if max(self.filter.continuum) > 0 and self.sky_mag > 10:
            self._deep_sky()
            self.sources += transients.satellites(self.view, self.filter.continuum)
            self.sources += transients.aircraft(self.view, self.filter.continuum)
            self.sources += transients.meteors(self.view, self.filter.continuum)
        points = Points.of([(x, y, e[:, self.order]) for x, y, e in self.sources], self.channels)
        light = Light(self.cell, self.sky, self.ground, self.land, points, self.stamps, self.patches)
        return Scene(
            light, known, self.sky_mag, float(self.depth[self.depth.shape[0] // 2, self.depth.shape[1] // 2])
        )

    # --- sky and land ---

    def _grids(self) -> None:
        view, conditions = self.view, self.view.conditions
        x = np.arange(-(-(view.width - 1) // self.cell) + 1) * float(self.cell)
        y = np.arange(-(-(view.height - 1) // self.cell) + 1) * float(self.cell)
        columns, rows = np.meshgrid(x, y)
        directions = view.directions(columns.astype(np.float64), rows.astype(np.float64))
        outside = ~np.isfinite(directions[..., 0])
        directions = np.where(outside[..., None], [0.0, 0.0, -1.0], directions)
        sky = skylight.clear_sky(conditions, self.lamps, directions)
        if self.lamps.sun.altitude_deg < -9:
            sky = sky + skylight.milky_way_light(conditions, directions, view.icrs(directions))
        moment = microseconds_utc(view.start) / 1e6 + view.exposure / 2
        self.depth = skylight.cloud_depth(conditions, moment, directions, view.exposure)
        if conditions.cloud_cover > 0:
            apart = np.radians(separation_deg(directions, skylight.towards(self.lamps.sun)))
            cloud = skylight.cloud_light(conditions, self.lamps, self.depth, apart)
            sky = skylight.behind_clouds(sky, cloud, self.depth)
        sky[outside] = 0
        rates = flux.surface_rates(view.instrument, self.filter.continuum) * view.exposure
        self.sky = self._channels(sky * rates)
        self.above = land.above_ridge_deg(conditions, directions)
        self.land = (self.above * 3600 / view.instrument.scale_arcsec).astype(np.float32)
        self.land[outside] = 1e6
        if self.land.min() < 1:
            ground = land.land_light(conditions, self.lamps, directions)
            ground[outside] = 0
            self.ground = self._channels(ground * rates)
        else:
            self.ground = np.zeros_like(self.sky)
        middle = sky[sky.shape[0] // 2, sky.shape[1] // 2, 1]
        self.sky_mag = float(-2.5 * np.log10(max(middle, 1e-12)))

    def _channels(self, rgb: Floats) -> NDArray[np.float32]:
        return np.ascontiguousarray(np.moveaxis(rgb[..., self.order], -1, 0), np.float32)

    def _on_grid(self, grid: Floats, x: Floats, y: Floats) -> Floats:
        j = np.clip(np.round(y / self.cell).astype(int), 0, grid.shape[0] - 1)
        i = np.clip(np.round(x / self.cell).astype(int), 0, grid.shape[1] - 1)
        return grid[j, i]

    # --- stars ---

    def _limit(self) -> Magnitudes:
        """V of the faintest star worth drawing: S/N 0.2 through a telescope, 1 where the rest is a glow."""
        sensor, view = self.view.instrument.sensor, self.view
        noise = np.sqrt(float(self.sky[1].min()) + sensor.read_noise_e**2)
        trail = np.sqrt(view.steps)
        fine = view.instrument.scale_arcsec < _FAINT_STARS_BELOW
        least = (0.25 if fine else 1.5) * noise * self.blur * trail
        rate = flux.throughput(view.instrument, self.filter.continuum)[1] * view.exposure
        return float(2.5 * np.log10(max(rate, 1e-9) / least))

    def _stars(self) -> StarsInView:
        view, table = self.view, stars()
        aim, limit = unit_vector(*view.centre), self._limit()
        rows = table.cone(aim, view.radius_deg, min(limit, FAINTEST))
        xyz = table.places(rows, view.start)
        v, bv = table.v[rows].astype(np.float64), table.bv[rows].astype(np.float64)
        if limit > FAINTEST and view.instrument.scale_arcsec < _FAINT_STARS_BELOW:
            more = faint.cone(aim, view.radius_deg, min(limit, faint.LIMIT))
            xyz, v, bv = (
                np.concatenate([xyz, more[0]]),
                np.concatenate([v, more[1]]),
                np.concatenate([bv, more[2]]),
            )
        steps = view.steps
        most = max(1000, _MOST_POINTS // steps)
        if len(v) > most:
            kept = np.sort(np.argsort(v)[:most])
            xyz, v, bv = xyz[kept], v[kept], bv[kept]
            rows = rows[kept[kept < len(rows)]]
        at = view.pixels(xyz)
        electrons = self._electrons(v, bv, at)
        seen = self._near(at[:, 0], at[:, 1], 70 + steps)
        for where in view.path(xyz[seen]):
            self.sources.append((where[:, 0], where[:, 1], electrons[seen] / steps))
        inside = self._near(at[:, 0], at[:, 1], 0)[: len(rows)]
        n = np.flatnonzero(inside)
        return StarsInView(rows[n], at[n, 0], at[n, 1], v[n], electrons[n, 1])

    def _near(self, x: Floats, y: Floats, margin: float) -> NDArray[np.bool_]:
        w, h = self.view.width - 1, self.view.height - 1
        return (x >= -margin) & (x <= w + margin) & (y >= -margin) & (y <= h + margin)

    def _electrons(self, v: Floats, bv: Floats, at: Floats) -> Floats:
        """Electrons (n, 3) in R, G, B of the whole exposure, for stars at pixels and altitudes (n, 3)."""
        view = self.view
        depth = self._on_grid(self.depth, at[:, 0], at[:, 1])
        mass = airmass(np.degrees(at[:, 2]))
        rates = flux.star_rates(
            v, bv, view.instrument, self.filter.continuum, mass, view.conditions.haze, depth
        )
        return rates * view.exposure * (at[:, 2] > -0.01)[:, None]

    # --- bodies with extent ---

    def _solar_system(self) -> None:
        view = self.view
        for name in ("sun", "moon", *PLANETS):
            b = (
                self.lamps.sun
                if name == "sun"
                else self.lamps.moon
                if name == "moon"
                else body(name, view.middle.observer)
            )
            direction = unit_vector(b.ra_deg, b.dec_deg)
            if separation_deg(direction, unit_vector(*view.centre)) > view.radius_deg + 1:
                continue
            at = view.pixels(direction[None])
            radius = b.diameter_arcsec / 2 / view.instrument.scale_arcsec
            if self._near(at[:, 0], at[:, 1], radius + 5)[0]:
                colour = {"sun": 0.65, "moon": 0.91, "mars": 1.4}.get(name, 0.9)
                electrons = self._electrons(np.array([b.magnitude]), np.array([colour]), at)[0]
                self._disc(b, direction, at[0], radius, electrons)

    def _disc(self, b: Body, direction: Floats, at: Floats, radius: Pixels, electrons: Floats) -> None:
        view = self.view
        angles = view.picture_angle(direction, b.bright_limb_deg), view.picture_angle(direction, b.pole_deg)
        reach = radius * (2.4 if b.name == "saturn" else 1.0)
        size = 2 * int(np.ceil(reach + 1)) + 1
        if radius > 12:
            grid = discs.disc(b, radius, *angles, size, 1)
            corner = at[:2] - (size - 1) / 2
            self.patches.append(
                Patch(float(corner[0]), float(corner[1]), 1.0, grid.astype(np.float32), self._flux(electrons))
            )
            return
        per_pixel = 2 if radius > 2 else 8
        grid = discs.disc(b, radius, *angles, size, per_pixel)
        j, i = np.nonzero(grid > 1e-6)
        x = at[0] + (i + 0.5) / per_pixel - size / 2
        y = at[1] + (j + 0.5) / per_pixel - size / 2
        self.sources.append((x, y, grid[j, i][:, None] * electrons))

    def _flux(self, electrons: Floats) -> NDArray[np.float32]:
        return electrons[self.order].astype(np.float32)

    # --- deep sky ---

    def _deep_sky(self) -> None:
        view = self.view
        found = objects().within(unit_vector(*view.centre), view.radius_deg, self._limit() + 1)
        for o in found:
            at = view.pixels(unit_vector(o.ra_deg, o.dec_deg)[None])
            reach = o.major_arcmin * 45 / view.instrument.scale_arcsec
            if self._near(at[:, 0], at[:, 1], reach)[0] and at[0, 2] > 0:
                self._object(o, at)

    def _object(self, o: DeepSkyObject, at: Floats) -> None:
        view = self.view
        offsets, lines = extended.colour(o)
        passed = self.filter.lines if lines else self.filter.continuum
        per_v0 = flux.throughput(view.instrument, passed) * 10 ** (-0.4 * np.array(offsets)) * view.exposure
        loss = flux.EXTINCTION * view.conditions.haze * airmass(np.degrees(at[0, 2]))
        depth = float(self._on_grid(self.depth, at[:, 0], at[:, 1])[0])
        total = per_v0 * 10 ** (-0.4 * (o.v + loss + depth))
        if o.major_arcmin * 30 / view.instrument.scale_arcsec < 1.5:
            self.sources.append((at[:, 0], at[:, 1], total[None]))
            return
        draw = (
            extended.galaxy
            if o.kind == GALAXY
            else extended.globular
            if o.kind == GLOBULAR
            else extended.nebula
        )
        self.patches += draw(view, o, at[0], total[self.order])
        if o.kind == GLOBULAR:
            xyz, v, bv = extended.globular_stars(o)
            where = view.pixels(xyz)
            self.sources.append((where[:, 0], where[:, 1], self._electrons(v, bv, where)))


def gather(view: View, chosen: Filter, defocus_um: Micrometres, channels: int, cell: int) -> Scene:
    """The scene of an exposure.

    Args:
        view: its geometry.
        chosen: the filter in the beam.
        defocus_um: how far the sensor stands from the best focus, either side.
        channels: 4 for a mosaic, 3 for RGB.
        cell: pixels between the nodes of the sky's grid.
    """
    optics, pixel = view.instrument.optics, view.instrument.sensor.pixel_um
    defocus = abs(defocus_um) / (2 * optics.f_number * pixel)
    return Gatherer(view, chosen, defocus, channels, cell).scene()
