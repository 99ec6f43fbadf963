"""What hangs where: fixtures, their channels, and the DMX frames that their values make."""

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from typing import Any

from lighting.engine.commands import json_integer
from lighting.errors import InvalidError, MissingError

PROFILES = {"dimmer": ("level",), "rgb": ("r", "g", "b"), "rgbw": ("r", "g", "b", "w")}
ROLES = ("main", "room-white", "room-red", "path", "flat-panel", "beacon", "other")
MODES = ("normal", "dark", "blackout")
MAIN = "main"
SLOTS = 512
LAST_UNIVERSE = 63
FULL = 0xFFFF
"""Values of a component are 16 bits, whatever the fixture takes."""


MOST_NUMBERS = 400
"""Numbers of fixtures that are gone are kept free up to here, so that a saved number never means another light."""


@dataclass(frozen=True, slots=True)
class Fixture:
    """One light.

    Attributes:
        name: 1 to 40 characters of `a-z 0-9 -`.
        role: one of `ROLES`; what the interlock and the dark mode make of it.
        universe: 0..63, ours; outputs have their own numbers for it.
        start: its first channel, 1..512.
        profile: a key of `PROFILES`.
        bits: 8, or 16 for two channels per component, the coarse one first.
    """

    name: str
    role: str = "other"
    universe: int = 0
    start: int = 1
    profile: str = "rgb"
    bits: int = 8

    @property
    def parts(self) -> tuple[str, ...]:
        """Its components in channel order."""
        return PROFILES[self.profile]

    @property
    def channels(self) -> range:
        """The channels it listens to."""
        return range(self.start, self.start + len(self.parts) * self.bits // 8)


DEFAULT = Fixture(MAIN, "main")


def parse_fixture(body: object) -> Fixture:
    """Read one fixture of a patch. Raises `InvalidError` saying what is allowed."""
    if not isinstance(body, dict) or not body.keys() <= set(Fixture.__slots__):
        raise InvalidError(f"a fixture has {', '.join(Fixture.__slots__)} and nothing else")
    fixture = Fixture(**{"name": "", **body})
    name = fixture.name
    if (
        not isinstance(name, str)
        or not 1 <= len(name) <= 40
        or not set(name) <= set("abcdefghijklmnopqrstuvwxyz0123456789-")
    ):
        raise InvalidError(f"name: {name!r}; allowed: 1 to 40 characters of a-z, 0-9 and -")
    for key, allowed in (("role", ROLES), ("profile", tuple(PROFILES)), ("bits", (8, 16))):
        if getattr(fixture, key) not in allowed:
            raise InvalidError(f"{name}: {key} must be one of {', '.join(map(str, allowed))}")
    for key, least, most in (("universe", 0, LAST_UNIVERSE), ("start", 1, SLOTS)):
        value = json_integer(getattr(fixture, key))
        if value is None or not least <= value <= most:
            raise InvalidError(f"{name}: {key} must be a whole number from {least} to {most}")
    if fixture.channels[-1] > SLOTS:
        raise InvalidError(f"{name}: it would end at channel {fixture.channels[-1]}; a universe has {SLOTS}")
    return fixture


def parse_patch(items: object) -> list[Fixture]:
    """Read a whole patch. Raises `InvalidError` naming the fixture that is wrong."""
    if not isinstance(items, list) or len(items) > 200:
        raise InvalidError("a patch is a list of at most 200 fixtures")
    fixtures = [parse_fixture(item) for item in items]
    taken: dict[tuple[int, int], str] = {}
    for fixture in fixtures:
        for channel in fixture.channels:
            other = taken.setdefault((fixture.universe, channel), fixture.name)
            if other != fixture.name:
                raise InvalidError(
                    f"{fixture.name} and {other} both use channel {channel} of universe {fixture.universe}"
                )
    names = [fixture.name for fixture in fixtures]
    if len(set(names)) != len(names):
        raise InvalidError("each name may stand once")
    mains = [fixture for fixture in fixtures if fixture.role == "main"]
    if [fixture.name for fixture in mains] != [MAIN] or mains[0].profile == "dimmer":
        raise InvalidError("there is exactly one fixture of role main; it is called main and has colours")
    return fixtures


class Rig:
    """The fixtures, their values, the channels beside them, and the master fader.

    Args:
        max_red: brightest red (0..255) in the dark mode.

    Attributes:
        numbered: every name that ever was in the patch, in the order of first appearance: its place is its number for
            clients that know lights by numbers.
    """

    def __init__(self, max_red: int) -> None:
        self.max_red, self.master = max_red, 255
        self.numbered: list[str] = []
        self.fixtures: dict[str, Fixture] = {}
        self._values: dict[str, list[int]] = {}
        self._loose: dict[int, dict[int, int]] = {}
        self.patch([DEFAULT])

    def patch(self, fixtures: Iterable[Fixture]) -> None:
        """Replace the patch. A fixture that is unchanged keeps its value, the others are dark."""
        old = self.fixtures
        self.fixtures = {fixture.name: fixture for fixture in fixtures}
        self._number()
        self._values = {
            name: self._values[name] if old.get(name) == fixture else [0] * len(fixture.parts)
            for name, fixture in self.fixtures.items()
        }
        self._owners = {
            (fixture.universe, channel): (fixture, n)
            for fixture in self.fixtures.values()
            for n, channel in enumerate(fixture.channels)
        }
        self._loose = {
            u: {c: v for c, v in channels.items() if (u, c) not in self._owners}
            for u, channels in self._loose.items()
        }

    def _number(self) -> None:
        """Give new names a number: the next one, or beyond `MOST_NUMBERS` that of a name that is gone."""
        known = set(self.numbered)
        for name in self.fixtures:
            if name in known:
                continue
            gone = (n for n, old in enumerate(self.numbered) if old not in self.fixtures)
            if len(self.numbered) >= MOST_NUMBERS and (place := next(gone, None)) is not None:
                self.numbered[place] = name
            else:
                self.numbered.append(name)

    def fixture(self, name: str) -> Fixture:
        """One fixture. Raises `MissingError`."""
        if name not in self.fixtures:
            raise MissingError(f"there is no fixture {name!r}; there are: {', '.join(self.fixtures)}")
        return self.fixtures[name]

    # ---- values

    def level(self, name: str) -> int:
        """The brightest component, 0..65535."""
        return max(self._values[name])

    def sent_level(self, name: str) -> int:
        """The brightest component after the master fader, 0..65535."""
        return self.level(name) * self._fader(self.fixtures[name]) // 255

    def _fader(self, fixture: Fixture) -> int:
        """The flat panel is a measuring device and stays what it was set to."""
        return 255 if fixture.role == "flat-panel" else self.master

    def colour(self, name: str) -> tuple[int, int, int]:
        """Red, green, blue, 0..255: what people see of it."""
        values = [value // 257 for value in self._values[name]]
        match self.fixtures[name].profile:
            case "dimmer":
                return values[0], values[0], values[0]
            case "rgbw":
                r, g, b, w = values
                return min(255, r + w), min(255, g + w), min(255, b + w)
        return values[0], values[1], values[2]

    def set_colour(self, name: str, colour: tuple[int, int, int]) -> None:
        """Give a fixture a colour, 0..255 each; a dimmer takes the brightest part, RGBW the common part as white."""
        fixture = self.fixture(name)
        white = min(colour)
        parts = {
            "dimmer": (max(colour),),
            "rgb": colour,
            "rgbw": (*(part - white for part in colour), white),
        }[fixture.profile]
        self._values[name] = [part * 257 for part in parts]

    def set_level(self, name: str, level: int) -> None:
        """Give every component of a fixture one value, 0..65535."""
        self._values[name] = [level] * len(self.fixture(name).parts)

    def values(self, name: str) -> list[int]:
        """Its components in channel order, 0..65535."""
        return list(self._values[name])

    def set_values(self, name: str, values: list[int]) -> None:
        """Give a fixture its components, 0..65535 each, in channel order."""
        self._values[name] = values

    def set_channel(self, universe: int, channel: int, value: int) -> None:
        """Set one channel, 0..255, whoever listens to it."""
        if owner := self._owners.get((universe, channel)):
            fixture, n = owner
            values = self._values[fixture.name]
            if fixture.bits == 8:
                values[n] = value * 257
            elif n % 2 == 0:
                values[n // 2] = value << 8 | values[n // 2] & 0xFF
            else:
                values[n // 2] = values[n // 2] & 0xFF00 | value
        else:
            self._loose.setdefault(universe, {})[channel] = value

    def channel(self, universe: int, channel: int) -> int:
        """The value of one channel as set, before master and interlock."""
        if owner := self._owners.get((universe, channel)):
            return _bytes(owner[0], self._values[owner[0].name], 255)[owner[1]]
        return self._loose.get(universe, {}).get(channel, 0)

    def owner(self, universe: int, channel: int) -> Fixture | None:
        """The fixture that listens to a channel."""
        owner = self._owners.get((universe, channel))
        return owner[0] if owner else None

    def channels_of(self, name: str) -> set[tuple[int, int]]:
        """The (universe, channel) pairs of a fixture."""
        fixture = self.fixture(name)
        return {(fixture.universe, channel) for channel in fixture.channels}

    def blackout(self) -> None:
        """Everything to 0."""
        self._values = {name: [0] * len(values) for name, values in self._values.items()}
        self._loose = {}

    def darkened(self, name: str, colour: tuple[int, int, int]) -> tuple[int, int, int]:
        """A colour as the dark mode lets it through: red only; the flat panel faces the telescope and stays."""
        fixture = self.fixture(name)
        if fixture.role == "flat-panel":
            return colour
        if fixture.profile == "dimmer":
            level = min(max(colour), self.max_red) if fixture.role == "room-red" else 0
            return level, level, level
        return min(colour[0], self.max_red), 0, 0

    def darken(self) -> None:
        """Bring everything down to what the dark mode allows."""
        self._loose = {}  # nobody knows which of them are red
        for name, fixture in self.fixtures.items():
            wanted = self.darkened(name, self.colour(name))
            if fixture.role != "flat-panel" and wanted != self.colour(name):
                self.set_colour(name, wanted)

    # ---- frames

    def frames(self, lit: Callable[[Fixture, int], bool], loose_lit: bool) -> dict[int, bytes]:
        """512 slots per universe in use.

        Args:
            lit: asked for each fixture and its level after the master fader (0..65535); refused ones send 0.
            loose_lit: whether channels without a fixture may send what they are set to.
        """
        frames = {
            u: bytearray(SLOTS) for u in {0, *self._loose, *(f.universe for f in self.fixtures.values())}
        }
        if loose_lit:
            for universe, channels in self._loose.items():
                for channel, value in channels.items():
                    frames[universe][channel - 1] = value * self.master // 255
        for name, fixture in self.fixtures.items():
            values = self._values[name]
            if any(values) and lit(fixture, self.sent_level(name)):
                data = _bytes(fixture, values, self._fader(fixture))
                frames[fixture.universe][fixture.start - 1 : fixture.start - 1 + len(data)] = data
        return {universe: bytes(frame) for universe, frame in frames.items()}

    def shown(self) -> list[dict[str, Any]]:
        """The patch with its values, for people."""
        return [
            asdict(f) | {"colour": self.colour(n), "level": self.level(n)} for n, f in self.fixtures.items()
        ]


def _bytes(fixture: Fixture, values: list[int], master: int) -> bytes:
    scaled = [value * master // 255 for value in values]
    if fixture.bits == 8:
        return bytes(value >> 8 for value in scaled)
    return b"".join(value.to_bytes(2, "big") for value in scaled)
