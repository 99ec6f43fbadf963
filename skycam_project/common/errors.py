"""The root of every error that Skycam raises on purpose.

One root, one subclass per app (`camera/errors.py`, …), few leaves. The edge (REST, Alpaca, command line)
translates by `code`; the text is for people and says what happened, to which device, and what the reader can
do.
"""


class SkycamError(Exception):
    """Base of all errors raised on purpose.

    Attributes:
        code: stable word for programs, lower case with underscores.
    """

    code = "error"

    def __init__(self, text: str, *, code: str | None = None) -> None:
        super().__init__(text)
        if code is not None:
            self.code = code


class InvalidValueError(SkycamError, ValueError):
    """A value from outside is not allowed; nothing was done with it."""

    code = "invalid_value"

    def __init__(self, field: str, value: object, allowed: str) -> None:
        super().__init__(f"{field}: {value!r} is not allowed; allowed: {allowed}")
        self.field, self.value, self.allowed = field, value, allowed
