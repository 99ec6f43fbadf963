"""The mount: where it believes it looks, and where it really looks.

Three things stand between the two, as in the real device: *slip* (the axes are not where the motors were
told to be: scale error, backlash, drift, periodic error), the *model* (the device's idea of how its axes
stand, learned by a calibration and therefore not quite right), and a *bias* of its plate solver. Truth is
known here and to the renderer only; nothing of it goes to a client.

Everything is a function of time: each movement is a `Path` with a closed form, and the last ones are kept,
so that a picture can ask where the device looked at any moment of its exposure.
"""

import math
from dataclasses import dataclass
from random import Random

from skycam_project.common.units import Arcseconds, Degrees, Seconds
from telescope.simulator.geometry import (
    Horizon,
    Matrix,
    Pointing,
    RaDec,
    Vector,
    axes_vector,
    camera_matrix,
    rotation,
    separation,
    vector_axes,
)
from telescope.simulator.paths import Axes, Path, Slip, Still

PARKED: Axes = (0.0, 148.0)
"""Barrel closed in the body: pitch motor 317°."""
READY: Axes = (0.0, 0.0)
"""Rotation motor 158°, pitch motor 169°: the barrel stands level."""
ALTITUDE_LIMITS = (-10.0, 148.0)
OPEN_LIMIT = 130.0
"""Above this pitch angle the barrel is inside the body and sees nothing [chosen]."""


@dataclass(frozen=True)
class MountErrors:
    """How good the mechanics and the device's own solver are. Defaults give 1-3′ after a goto.

    Attributes:
        tilt: how far the base is from level (or, on a wedge, the axis from the pole), degrees.
        model: what a calibration leaves between the device's model of its axes and the truth, arcseconds.
        bias: constant error of the device's plate solver, arcseconds.
        scale: the axes turn by this factor more (azimuth) or less (altitude) than told, 0.05 = 5 %.
        backlash: lost motion when an axis reverses, arcseconds.
        drift: of a tracked target, arcseconds per minute.
        periodic: amplitude of the tracking error of `period` seconds, arcseconds.
        noise: of one plate solve, arcseconds, standard deviation.
        tolerance: the device accepts its own goto within this, arcseconds.
        solve: False when the device does not correct its gotos by plate solving.
    """

    tilt: Degrees = 0.4
    model: Arcseconds = 60.0
    bias: Arcseconds = 60.0
    scale: float = 0.05
    backlash: Arcseconds = 20.0
    drift: Arcseconds = 2.0
    periodic: Arcseconds = 2.0
    period: Seconds = 180.0
    noise: Arcseconds = 2.0
    tolerance: Arcseconds = 12.0
    solve: bool = True


class Mount:
    """Axes, model and truth of the device's mount; all moments are unix seconds of the simulated clock.

    Args:
        horizon: the sky over the site.
        errors: size of the errors; their directions come from `seed`.
        seed: the same seed stands the device the same way.
        moment: now.
        wedge: True stands it on an equatorial wedge, its axis near the pole.
    """

    def __init__(
        self, horizon: Horizon, errors: MountErrors, seed: int, moment: Seconds, wedge: bool = False
    ) -> None:
        self.horizon = horizon
        self.errors = errors
        self.calibrated = False
        self._random = Random(f"mount {seed}")  # noqa: S311
        self._base_azimuth = self._random.uniform(0.0, 360.0)
        self._lean = self._random.uniform(0.0, 360.0)
        self._bias_angle = self._random.uniform(0.0, 2 * math.pi)
        self._phase = self._random.uniform(0.0, 2 * math.pi)
        self._last_direction = [1.0, 1.0]
        self.wedge = wedge
        self.true_model = self._stand()
        self.model = self.true_model
        # Replaced, never changed: a thread that paints a picture reads it meanwhile.
        self._paths: tuple[Path, ...] = (Still(moment, PARKED, (0.0, 0.0)),)

    def place(self, wedge: bool, tilt: Degrees | None = None, lean: Degrees | None = None) -> None:
        """Somebody takes the device and stands it otherwise; its calibration is worth nothing then."""
        self.wedge = wedge
        if tilt is not None:
            self.errors = MountErrors(**{**self.errors.__dict__, "tilt": tilt})
        if lean is not None:
            self._lean = lean
        self.true_model = self._stand()
        self.calibrated = False

    def _stand(self) -> Matrix:
        """Mount frame to east, north, up: turned by a random azimuth, leaning by `tilt` towards `_lean`."""
        towards = axes_vector(self._lean, 0.0)
        lean = rotation((-towards[1], towards[0], 0.0), self.errors.tilt)
        if self.wedge:
            # The rotation axis, up in the mount frame, goes to the pole: north, as high as the latitude.
            pole = rotation((1.0, 0.0, 0.0), self.horizon.site.latitude_deg - 90.0)
            return lean @ pole
        return lean @ rotation((0.0, 0.0, 1.0), -self._base_azimuth)

    @property
    def path(self) -> Path:
        """The movement of this moment."""
        return self._paths[-1]

    def follow(self, path: Path) -> None:
        """Begin another movement; it ends the one before at `path.start`."""
        self._paths = (*self._paths[-63:], path)

    def path_at(self, moment: Seconds) -> Path:
        """The movement of a moment of the last minutes (the oldest known one before that)."""
        paths = self._paths
        return next((path for path in reversed(paths) if path.start <= moment), paths[0])

    # --- truth

    def true_axes(self, moment: Seconds) -> Axes:
        """Where the axes really are."""
        path = self.path_at(moment)
        azimuth, altitude = path.axes(moment)
        slip_azimuth, slip_altitude = path.slip(moment)
        return azimuth + slip_azimuth, altitude + slip_altitude

    def truth(self, moment: Seconds, offset: Axes = (0.0, 0.0)) -> Pointing:
        """Where a camera really looks, whose axis is off by `offset` (azimuth, altitude of the mount)."""
        return self.horizon.pointing(self.true_camera(moment, offset), moment)

    def true_camera(self, moment: Seconds, offset: Axes = (0.0, 0.0)) -> Matrix:
        """True attitude of a camera: rows right, down, outwards in east, north, up."""
        azimuth, altitude = self.true_axes(moment)
        return camera_matrix(azimuth + offset[0], altitude + offset[1]) @ self.true_model.T

    def true_direction(self, moment: Seconds) -> Vector:
        """East-North-Up direction that the tele camera really looks at."""
        return self.true_camera(moment)[2]

    def is_open(self, moment: Seconds) -> bool:
        """False while the barrel is folded into the body."""
        return self.true_axes(moment)[1] < OPEN_LIMIT

    # --- what the device itself can do

    def axes_for(self, radec: RaDec, moment: Seconds, model: Matrix | None = None) -> Axes:
        """Axis angles at which the device, by its model, would see an ICRS place."""
        return vector_axes((self.model if model is None else model).T @ self.horizon.direction(radec, moment))

    def arrival_slip(self, end: Axes, moment: Seconds) -> Slip:
        """How wrong the axes stand after a movement to `end`: scale and backlash added to the old slip."""
        start, slip = self.path.axes(moment), self.path.slip(moment)
        wrong: list[float] = []
        for axis, sign in ((0, 1.0), (1, -1.0)):
            way = end[axis] - start[axis]
            if axis == 0:
                way = (way + 180.0) % 360.0 - 180.0
            error = slip[axis] + sign * self.errors.scale * way
            direction = math.copysign(1.0, way)
            if way and direction != self._last_direction[axis]:
                error -= direction * min(self.errors.backlash / 3600.0, abs(way))
                self._last_direction[axis] = direction
            wrong.append(error)
        return wrong[0], wrong[1]

    def tracking_slip(self, slip: Slip, start: Seconds, moment: Seconds) -> Slip:
        """Slip while tracking: drift in azimuth, periodic error in both."""
        elapsed = moment - start
        drift = self.errors.drift / 3600.0 * elapsed / 60.0
        turn = 2 * math.pi / self.errors.period
        wave = (
            self.errors.periodic / 3600.0 * (math.sin(turn * elapsed + self._phase) - math.sin(self._phase))
        )
        return slip[0] + drift + wave, slip[1] + 0.5 * wave

    def measure(self, moment: Seconds) -> Axes:
        """One plate solve: the axis angles that the device concludes from it, by its present model."""
        azimuth, altitude = self.true_axes(moment)
        bias, noise = self.errors.bias / 3600.0, self.errors.noise / 3600.0
        altitude += bias * math.sin(self._bias_angle) + self._random.gauss(0.0, noise)
        sideways = bias * math.cos(self._bias_angle) + self._random.gauss(0.0, noise)
        azimuth += sideways / max(0.05, abs(math.cos(math.radians(altitude))))
        return vector_axes(self.model.T @ self.true_model @ axes_vector(azimuth, altitude))

    def synchronise(self, measured: Axes, moment: Seconds) -> None:
        """Believe a measurement: the difference between it and the truth is slip from now on."""
        azimuth, altitude = self.true_axes(moment)
        slip = ((azimuth - measured[0] + 180.0) % 360.0 - 180.0, altitude - measured[1])
        self.follow(Still(moment, measured, slip))

    def calibrate(self, moment: Seconds) -> Axes:
        """Learn the model from plate solves; returns azimuth and altitude of the rotation axis."""
        side = axes_vector(self._random.uniform(0.0, 360.0), self._random.uniform(-90.0, 90.0))
        self.model = rotation(side, self.errors.model / 3600.0) @ self.true_model
        self.calibrated = True
        self.synchronise(self.measure(moment), moment)
        return vector_axes(self.model[:, 2])

    def polar_error(self) -> Axes:
        """How far the rotation axis is from the pole: azimuth (+ clockwise), altitude (+ up), degrees."""
        azimuth, altitude = vector_axes(self.true_model[:, 2])
        return (azimuth + 180.0) % 360.0 - 180.0, altitude - self.horizon.site.latitude_deg

    def sun_distance(self, sun: Vector, moment: Seconds) -> Degrees:
        """Angle between the true line of sight and the sun's direction east, north, up."""
        return separation(self.true_direction(moment), sun)
