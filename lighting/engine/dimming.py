"""Brightness of a fixture whatever its colour: what a switch of another program sets."""

from lighting.engine.engine import Engine
from lighting.engine.rig import FULL, MAIN

Colour = tuple[int, int, int]


def dim(engine: Engine, name: str, value: int, maximum: int, by: str) -> None:
    """Dim a fixture to `value` of `maximum`; its colour stays, a dark one becomes white. For the writer.

    Raises `MissingError`, `InterlockedError`.
    """
    rig = engine.rig
    rig.fixture(name)
    before, now = rig.values(name), rig.level(name)
    engine.set_fixture(name, by, _scaled(rig.colour(name), value, maximum))
    if name != MAIN and engine.mode == "normal":  # a colour has 8 bits, the fixture may have 16
        level = value * FULL // maximum
        rig.set_values(name, [part * level // now if now else level for part in before])


def _scaled(colour: Colour, value: int, maximum: int) -> Colour:
    most = max(colour)
    level = -(-value * 255 // maximum)  # upwards: the faintest light is light
    if not most:
        return level, level, level
    r, g, b = (round(part * level / most) for part in colour)
    return r, g, b
