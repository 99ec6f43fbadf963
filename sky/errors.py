"""Errors of the sky package."""

from skycam_project.common.errors import SkycamError


class SkyError(SkycamError):
    """Base of everything this package raises on purpose."""

    code = "sky_error"


class UnknownObjectError(SkyError):
    """No object of that name is in the catalogues."""

    code = "unknown_object"


class NoMatchError(SkyError):
    """The star list matches no part of the catalogue near the hint.

    Attributes:
        detected: stars in the list.
        best: most stars that fell on catalogue stars at once, for any placement tried.
    """

    code = "no_match"

    def __init__(self, text: str, *, detected: int, best: int = 0, code: str | None = None) -> None:
        super().__init__(text, code=code)
        self.detected, self.best = detected, best
