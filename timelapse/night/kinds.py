"""The night products by name, and with which options; light, so that pages and the control API can ask."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from skycam_project.common.errors import InvalidValueError, SkycamError

Options = Mapping[str, Any]


class UnknownKindError(SkycamError):
    """There is no such product."""

    code = "not_found"


@dataclass(frozen=True, slots=True)
class Option:
    """One option of a product.

    Attributes:
        name, title: for programs and for people.
        default: also says the type.
        low, high: range of a number, both allowed.
        choices: allowed words.
        unit: of a number.
    """

    name: str
    title: str
    default: Any
    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] = ()
    unit: str = ""

    def checked(self, value: Any) -> Any:
        """The value in the option's type. Raises `InvalidValueError`."""
        if self.choices:
            if value not in self.choices:
                raise InvalidValueError(self.name, value, ", ".join(self.choices))
            return value
        if isinstance(self.default, bool):
            if not isinstance(value, bool):
                raise InvalidValueError(self.name, value, "true or false")
            return value
        if value is None and self.default is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float) or not self._inside(value):
            raise InvalidValueError(
                self.name, value, f"{self.low:g} to {self.high:g}{self.unit and ' ' + self.unit}"
            )
        return type(self.default)(value) if isinstance(self.default, int | float) else float(value)

    def _inside(self, value: float) -> bool:
        return (self.low is None or value >= self.low) and (self.high is None or value <= self.high)


@dataclass(frozen=True, slots=True)
class KindOfProduct:
    """A product that can be made.

    Attributes:
        title: for people.
        text: what it is, one line.
        options: that it takes, beside `COMMON`.
        parts: of the engine that make it.
        files: patterns of what it consists of, of all that the engine writes.
    """

    title: str
    text: str
    parts: frozenset[str] = frozenset()
    files: tuple[str, ...] = ()
    options: tuple[Option, ...] = field(default=())


COMMON = (
    Option(
        "lens",
        "Lens of the camera; auto: a sky that its stars fit makes it a fisheye",
        "auto",
        choices=("auto", "perspective", "fisheye"),
    ),
    Option(
        "scale_arcsec",
        "Scale in the middle of the picture, to 10 %; none: by the session, or by the stars",
        None,
        0.1,
        2000,
        unit="arcsec per pixel",
    ),
    Option("latitude_deg", "Latitude, when the session does not say it", None, -90, 90, unit="degrees"),
    Option("longitude_deg", "Longitude, positive to the east", None, -180, 180, unit="degrees"),
    Option("offset_adu", "Value of a dark pixel of raw frames", None, 0, 60000, unit="ADU"),
    Option("pixels", "What raw frames are", "auto", choices=("auto", "mosaic", "mono")),
)
_GATES = (
    Option("sun_deg", "The sun must be lower", -12.0, -18, 90, unit="degrees"),
    Option("moon_lit", "Leave frames out when the moon is up and more of it is lit", 1.0, 0, 1),
    Option("clouds", "Leave cloudy frames out", True),
)
_MEGAPIXELS = Option(
    "megapixels",
    "Largest frame that is worked at; larger ones are halved until they fit; none: as they are",
    None,
    0.5,
    1000,
    unit="megapixels",
)
_MARKS = Option("marks", "Ticks in each clip say where the meteor is", True)
_FPS = Option("fps", "Frames per second", 25, 1, 60)

KINDS: dict[str, KindOfProduct] = {
    "night": KindOfProduct(
        "The night", "All of these but the long-term keogram, from one pass; what is made live, too.",
        frozenset({"keogram", "trails", "stack", "curves", "mini", "startrail_film", "meteors"}),
        ("keogram.png", "keogram-strip.png", "startrails.jpg", "startrails-satellites.jpg", "stack.png", "stack.fits", "curves.png", "curves.parquet", "curves.json", "mini.mp4",
         "startrail_film.mp4", "meteors/*", "thumbs/*"), (*_GATES, _FPS, _MARKS, _MEGAPIXELS),
    ),
    "keogram": KindOfProduct(
        "Keogram", "The night in one picture: a column of each frame beside the next, time to scale.",
        frozenset({"keogram"}), ("keogram.png", "keogram-strip.png"),
    ),
    "season": KindOfProduct(
        "Long-term keogram", "One line per night, months under each other.", frozenset(), ("season.png",),
    ),
    "startrails": KindOfProduct(
        "Star trails", "The brightest each pixel has been, without satellites and with them.",
        frozenset({"trails"}), ("startrails.jpg", "startrails-satellites.jpg",), _GATES,
    ),
    "startrail_film": KindOfProduct(
        "Star trail film", "The trails as they grow.", frozenset({"startrail_film"}), ("startrail_film.mp4", "thumbs/*"), (_FPS,),
    ),
    "stack": KindOfProduct(
        "Live stack", "All frames laid on the first and averaged, satellites and hot pixels left out.",
        frozenset({"stack"}), ("stack.png", "stack.fits"),
    ),
    "mini": KindOfProduct("Mini timelapse", "The night as a small film.", frozenset({"mini"}), ("mini.mp4", "thumbs/*"), (_FPS,)),
    "meteors": KindOfProduct(
        "Meteors", "A picture and a short film of each meteor.", frozenset({"meteors"}), ("meteors/*",), (_MARKS,),
    ),
    "curves": KindOfProduct(
        "Sky curves", "Stars, sky brightness, clouds, sharpness and quality of each frame.",
        frozenset({"curves"}), ("curves.png", "curves.parquet", "curves.json"),
    ),
}  # fmt: skip


def kind_of(name: str) -> KindOfProduct:
    """Raises `UnknownKindError`."""
    if name not in KINDS:
        raise UnknownKindError(f"there is no product {name!r}; there are: {', '.join(KINDS)}")
    return KINDS[name]


def checked(name: str, options: Options) -> dict[str, Any]:
    """All options of a product, the defaults filled in. Raises `UnknownKindError`, `InvalidValueError`."""
    known = {option.name: option for option in (*COMMON, *kind_of(name).options)}
    for given in options:
        if given not in known:
            raise InvalidValueError("options", given, ", ".join(known))
    return {key: option.checked(options.get(key, option.default)) for key, option in known.items()}
