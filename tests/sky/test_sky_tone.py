"""The curve that shows faint light."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sky.tone import asinh_softening


@given(st.floats(1e-5, 0.4), st.floats(0.05, 0.5))
def test_level_goes_where_it_is_wanted(level, wanted):
    knee = asinh_softening(level, wanted)
    shown = math.asinh(level / knee) / math.asinh(1 / knee)
    if level < 0.95 * wanted:
        assert shown == pytest.approx(wanted, rel=1e-3)
    else:
        assert shown == pytest.approx(max(level, wanted), rel=0.06)
