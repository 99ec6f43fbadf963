"""Curves that show faint light beside bright light."""

import math


def asinh_softening(level: float, wanted: float) -> float:
    """Knee of the curve asinh(x / knee) / asinh(1 / knee) over light 0 to 1 that shows `level` as `wanted`.

    Args:
        level: light, above 0 and below 1.
        wanted: where it goes, above `level` and below 1; a level that is brighter already gets the largest knee,
            which is a straight line.

    Returns:
        the knee, 1e-12 to 10; a smaller one lifts faint light more.
    """
    low, high = 1e-12, 10.0
    for _ in range(60):
        middle = math.sqrt(low * high)
        brighter = math.asinh(level / middle) / math.asinh(1 / middle) > wanted
        low, high = (middle, high) if brighter else (low, middle)
    return math.sqrt(low * high)
