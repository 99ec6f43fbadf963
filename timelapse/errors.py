"""How jobs refuse and fail."""

from skycam_project.common.errors import SkycamError


class MissingError(SkycamError):
    """There is no such job, product, session or folder."""

    code = "not_found"


class StateError(SkycamError):
    """The job is not in a state in which that can be done."""

    code = "state"


class JobError(SkycamError):
    """A job did not get to its end.

    Attributes:
        final: trying again would end the same way.
    """

    code = "job"

    def __init__(self, text: str, *, code: str | None = None, final: bool = False) -> None:
        super().__init__(text, code=code)
        self.final = final
