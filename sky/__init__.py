"""The sky in numbers: catalogue, coordinates, ephemerides, renderer, detection, solver; pure, offline.

Everything here runs in a plain `python -c`, downloads nothing and knows no device. Conventions of the whole
package: angles in public functions are degrees (hours where the name ends in `_h`), right ascension and
declination are ICRS unless a name says `jnow`, pixel (0, 0) is the centre of the first pixel, x runs right
and y down, moments are aware UTC datetimes. Modules that compile numeric kernels (`places`, `detection`,
`solver`, `renderer`) import numba, the others do not.
"""

from collections.abc import Callable


def warm_up(progress: Callable[[int, int, str], None] | None = None) -> None:
    """Compile every numeric kernel (once per machine), or load it from numba's cache.

    Args:
        progress: called with (steps done, steps in all, what comes next) before every step, and at the end.
    """
    from sky import warming

    warming.warm_up(progress)
