"""Units as types: `def wait(limit: Seconds)` says what a bare float cannot.

Plain floats at run time: a `Quantity` costs about 10 µs per operation, too much for a device loop.
"""

from typing import Annotated

Seconds = Annotated[float, "s"]
Hours = Annotated[float, "h"]
Degrees = Annotated[float, "deg"]
Arcseconds = Annotated[float, "arcsec"]
Pixels = Annotated[float, "px"]
Celsius = Annotated[float, "degC"]
Kelvin = Annotated[float, "K"]
Millimetres = Annotated[float, "mm"]
Micrometres = Annotated[float, "um"]
Metres = Annotated[float, "m"]
Magnitudes = Annotated[float, "mag"]
Stops = Annotated[float, "EV"]
"""Exposure values: a difference of 1 is a factor of 2."""
MicrosecondsUtc = Annotated[int, "us since 1970-01-01T00:00:00 UTC"]
"""Time inside session files."""
