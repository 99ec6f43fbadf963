"""A made-up mountain, from day to night, whose every exposure error, shake and noise is known.

Rendered in linear light: ridges, snow and trees that stand still, two layers of clouds and their shadows that
move, light that falls by some stops. A captured frame then gets an exposure error (flicker, steps of an
automatic exposure), a shift and a turn, shot and read noise, a tone curve that no tool is told, and JPEG.
"""

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

MARGIN = 64
"""Pixels of world around the frame."""


@dataclass(frozen=True, slots=True)
class Errors:
    """What is done to a sequence.

    Attributes:
        count: frames.
        size: width and height.
        flicker: exposures are off by up to this fraction.
        step_ev: exposure steps of an automatic camera.
        shake_px: sigma of the shift per axis at a width of 3840.
        turn_deg: sigma of the turn.
        drift_px: sigma of a random walk's steps at a width of 3840.
        ramp_ev: stops that the light falls.
        noise: shot noise, variance per light.
        contrast: 0 … 1, of the tone curve's S.
        seed: another seed is another world.
        evening: frames from day to night; fewer frames show the middle of it.
    """

    count: int
    size: tuple[int, int]
    flicker: float = 0.08
    step_ev: float = 0.0
    shake_px: float = 2.0
    turn_deg: float = 0.02
    drift_px: float = 0.15
    ramp_ev: float = 3.0
    noise: float = 4e-4
    contrast: float = 0.35
    seed: int = 1
    evening: int = 120


SET_A = Errors(count=120, size=(3840, 2160))
SET_B = Errors(count=120, size=(1920, 1080), flicker=0.05, step_ev=1 / 3)


def write(folder: Path, errors: Errors, truth: bool = True) -> Path:
    """Write `cap/NNNNN.jpg`, `gt/NNNNN.png` and `mask.png` (solid ground); returns the folder of captures."""
    (folder / "cap").mkdir(parents=True, exist_ok=True)
    (folder / "gt").mkdir(exist_ok=True)
    width, height = errors.size
    world = World(errors)
    random = np.random.default_rng(errors.seed + 7)
    grain = random.standard_normal((height + 512, width + 512, 3), dtype=np.float32)
    grain = cv2.GaussianBlur(grain, (0, 0), 0.6)
    grain /= grain.std()
    exposure, shifts, turns = known_errors(errors)
    inner = slice(MARGIN, -MARGIN)
    cv2.imwrite(str(folder / "mask.png"), world.ground[inner, inner].astype(np.uint8) * 255)
    jpeg = [
        cv2.IMWRITE_JPEG_QUALITY,
        95,
        cv2.IMWRITE_JPEG_SAMPLING_FACTOR,
        cv2.IMWRITE_JPEG_SAMPLING_FACTOR_420,
    ]
    for number in range(errors.count):
        light = world.light(number)
        if truth:
            clean = tone(light[inner, inner], errors.contrast)
            cv2.imwrite(str(folder / f"gt/{number:05d}.png"), clean, [cv2.IMWRITE_PNG_COMPRESSION, 1])
        shaken = cv2.warpAffine(
            light,
            _canvas_to_frame(errors.size, shifts[number], turns[number]),
            errors.size,
            flags=cv2.INTER_LANCZOS4,
        )
        shaken = np.maximum(shaken * np.float32(2 ** exposure[number]), 0)
        y, x = random.integers(0, 512, 2)
        shaken += np.sqrt(errors.noise * shaken + 1e-6) * grain[y : y + height, x : x + width]
        cv2.imwrite(str(folder / f"cap/{number:05d}.jpg"), tone(shaken, errors.contrast), jpeg)
    return folder / "cap"


def known_errors(errors: Errors) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Exposure error in EV `[n]`, shift in pixels `[n, 2]`, turn in degrees `[n]`."""
    random = np.random.default_rng(errors.seed + 99)
    scale = errors.size[0] / 3840
    exposure = np.log2(random.uniform(1 - errors.flicker, 1 + errors.flicker, errors.count))
    shake = random.standard_normal((errors.count, 2)) * errors.shake_px * scale
    drift = np.cumsum(random.standard_normal((errors.count, 2)), 0) * errors.drift_px * scale
    turns = random.standard_normal(errors.count) * errors.turn_deg
    phase = np.linspace(0, 8.3 * errors.count / 120, errors.count) + 0.2 * random.standard_normal(
        errors.count
    )
    exposure += errors.step_ev * (np.mod(phase, 1) - 0.5)
    return exposure, np.clip(shake + drift, -0.8 * MARGIN, 0.8 * MARGIN), turns


def tone(light: np.ndarray, contrast: float) -> np.ndarray:
    """uint8 of linear light by the sRGB curve and an S on top."""
    code = np.linspace(0, 1, 65536)
    code = np.where(code <= 0.0031308, 12.92 * code, 1.055 * code ** (1 / 2.4) - 0.055)
    code = (1 - contrast) * code + contrast * code**2 * (3 - 2 * code)
    table = (code * 255 + 0.5).astype(np.uint8)
    return table[np.clip(light * 65535, 0, 65535).astype(np.uint16)]


def _canvas_to_frame(size: tuple[int, int], shift: np.ndarray, turn_deg: float) -> np.ndarray:
    centre = (np.array(size) - 1) / 2
    angle = np.deg2rad(turn_deg)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    offset = centre + shift - turn @ centre
    return np.column_stack([turn, offset - turn @ np.array([MARGIN, MARGIN])])


def _fractal(
    random: np.random.Generator, size: tuple[int, int], base: int, octaves: int, gain: float
) -> np.ndarray:
    width, height = size
    out, amplitude, cells = np.zeros((height, width), np.float32), 1.0, base
    for _ in range(octaves):
        grid = random.standard_normal((max(2, cells * height // width) + 2, cells + 2)).astype(np.float32)
        out += amplitude * cv2.resize(grid, size, interpolation=cv2.INTER_CUBIC)
        amplitude, cells = amplitude * gain, cells * 2
        if cells > width // 2:
            break
    return (out - out.mean()) / out.std()


_RIDGES = (
    (0.50, 0.10, (0.30, 0.33, 0.36)),
    (0.62, 0.09, (0.22, 0.24, 0.22)),
    (0.80, 0.05, (0.08, 0.13, 0.07)),
)


class World:
    """Light of the scene, blue-green-red, linear."""

    def __init__(self, errors: Errors) -> None:
        self._errors = errors
        size = (errors.size[0] + 2 * MARGIN, errors.size[1] + 2 * MARGIN)
        self._size = size
        random = np.random.default_rng(errors.seed)
        self._high = np.linspace(0, 1, size[1], dtype=np.float32)[:, None]
        self._albedo, solid = self._mountains(random, size)
        self._solid = cv2.GaussianBlur(solid.astype(np.float32), (0, 0), 0.7)[..., None]
        self.ground = ~cv2.dilate((~solid).astype(np.uint8), np.ones((15, 15))).astype(bool)
        half = ((size[0] + 2048) // 2, size[1] // 2)
        self._clouds = [_fractal(random, half, cells, 7, gain) for cells, gain in ((5, 0.58), (9, 0.6))]
        self._shadows = _fractal(random, (half[0] // 2, half[1] // 2), 3, 4, 0.5)

    def _mountains(self, random: np.random.Generator, size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
        width, height = size
        albedo, solid = np.zeros((height, width, 3), np.float32), np.zeros((height, width), bool)
        texture = _fractal(random, size, 12, 9, 0.72)
        fine = cv2.GaussianBlur(random.standard_normal((height, width)).astype(np.float32), (0, 0), 1.1)
        shade = np.clip(1 + 0.28 * texture + 0.16 * fine / fine.std(), 0.15, 2.2)
        across = np.linspace(0, 1, width, dtype=np.float32)
        for number, (level, amplitude, colour) in enumerate(_RIDGES):
            ridge, strength, waves = np.zeros(width, np.float32), 1.0, 2.0
            for _ in range(9):
                ridge += strength * np.abs(np.sin(waves * np.pi * across + random.uniform(0, 6.28)))
                strength, waves = strength * 0.5, waves * 2.03
            ridge = level - amplitude * (ridge - ridge.mean()) / ridge.std() * 0.6
            below = self._high > ridge[None, :]
            depth = np.clip((self._high - ridge[None, :]) / 0.2, 0, 1)
            layer = np.array(colour, np.float32) * (shade * (1 - 0.25 * depth))[..., None]
            if number == 0:
                snow = (np.clip((0.47 - self._high) / 0.10 + 0.35 * texture, 0, 1) * np.sqrt(shade))[
                    ..., None
                ]
                layer = layer * (1 - snow) + 0.82 * snow
            albedo[below] = layer[below]
            solid |= below
        return albedo, solid

    def _drawn(self, layer: np.ndarray, offset: float, scale: int) -> np.ndarray:
        size = (self._size[0] // scale, self._size[1] // scale)
        shift = np.array([[1, 0, offset / scale], [0, 1, 0]], np.float32)
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        moved = cv2.warpAffine(layer, shift, size, flags=flags, borderMode=cv2.BORDER_WRAP)
        return cv2.resize(moved, self._size, interpolation=cv2.INTER_LINEAR)

    def light(self, number: int) -> np.ndarray:
        """`[h, w, 3]` float32 of frame `number`, with the margin."""
        evening = self._errors.evening
        phase = (number + (evening - self._errors.count) / 2) / (evening - 1)
        day, golden, blue = (
            np.array(colour, np.float32)
            for colour in ((1.0, 0.62, 0.36), (0.45, 0.55, 0.95), (0.75, 0.38, 0.24))
        )
        gold = float(np.exp(-(((phase - 0.45) / 0.22) ** 2)))
        dusk = float(1 / (1 + np.exp(-(phase - 0.68) / 0.07)))
        zenith = (1 - dusk) * day + dusk * blue
        haze = np.array([0.95, 0.85, 0.75], np.float32)
        horizon = (1 - dusk) * ((1 - gold) * haze + gold * golden) + dusk * blue * 0.7
        part = np.clip(self._high / 0.55, 0, 1)[..., None]
        sky = np.repeat(zenith * 0.42 * (1 - part) + horizon * 0.62 * part, self._size[0], 1)
        speed = number * self._size[0] / 3968
        cover = (
            self._drawn(self._clouds[0], 5.3 * speed, 2) * 0.7
            + self._drawn(self._clouds[1], 8.1 * speed, 2) * 0.5
        )
        thick = np.clip((cover - 0.15) * 0.8, 0, 0.85)[..., None]
        sky = sky * (1 - thick) + (horizon * 1.15 + 0.12).astype(np.float32) * thick
        ambient = (0.85 * (1 - dusk) + 0.55 * dusk) * (zenith * 0.35 + horizon * 0.65)
        shadow = 1 - 0.18 * (1 - dusk) * np.clip(self._drawn(self._shadows, 6 * speed, 4), 0, 1)
        land = self._albedo * ambient * shadow[..., None]
        fall = 2 ** (-self._errors.ramp_ev * (3 * phase**2 - 2 * phase**3))
        return (land * self._solid + sky * (1 - self._solid)) * np.float32(fall)
