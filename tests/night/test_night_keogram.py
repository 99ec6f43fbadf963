"""The keogram and the long-term keogram: time to scale, gaps as gaps, colours right."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from night_fields import EVENING, frame_of

from sky.coordinates import Site
from timelapse.night.frames import Look
from timelapse.night.keogram import Keogram, NothingYetError
from timelapse.night.season import Season


def look(n: int, value: int, start: datetime | None = None, **more) -> Look:
    image = np.full((120, 160, 3), value, np.uint8)
    image[:60] = value // 2
    more = {"kind": "rgb", "top": 255.0, "linear": False, "exposure_s": 30.0} | more
    return Look(frame_of(image, n, start=start or EVENING + timedelta(minutes=n), **more))


def test_time_is_to_scale_and_gaps_show():
    keogram = Keogram()
    for n in (0, 1, 2, 3, 10, 11):
        keogram.append(look(n, 100 + 10 * n))
    pixels, known = keogram.strip(120, EVENING, EVENING + timedelta(minutes=12))
    assert known.tolist() == [True] * 40 + [False] * 60 + [True] * 20
    assert [int(pixels[100, 10 * n + 5, 0]) for n in (0, 1, 2, 3, 10, 11)] == [100, 110, 120, 130, 200, 210]
    assert pixels[10, 5, 0] == 50


def test_frames_may_come_late_and_from_a_saved_state():
    in_order, late = Keogram(), Keogram()
    for n in range(6):
        in_order.append(look(n, 40 * n + 20))
    for n in (3, 0, 4):
        late.append(look(n, 40 * n + 20))
    again = Keogram()
    again.restore(*late.state())
    for n in (1, 5, 2):
        again.append(look(n, 40 * n + 20))
    span = EVENING, EVENING + timedelta(minutes=6)
    assert np.array_equal(again.strip(60, *span)[0], in_order.strip(60, *span)[0])


def test_a_mosaic_keeps_red_red():
    mosaic = np.full((64, 64), 1000, np.uint16)
    mosaic[0::2, 0::2] = 5000
    frame = frame_of(mosaic, 0, kind="mosaic", top=16383.0)
    assert Look(frame).colour[20, 20].tolist() == [5000, 1000, 1000]
    keogram = Keogram()
    keogram.append(Look(frame))
    _, arrays = keogram.state()
    assert arrays["columns"][0][30].tolist() == [5000, 1000, 1000]


def test_the_sheet_has_axis_bands_and_the_pixels():
    keogram = Keogram()
    for n in range(0, 600, 5):
        keogram.append(look(n, 90, start=datetime(2026, 11, 10, 15, 40, tzinfo=UTC) + timedelta(minutes=n)))
    bare = np.asarray(keogram.picture("Keogram"))
    with_site = np.asarray(keogram.picture("Keogram", Site(46, 7.5)))
    assert bare.shape[1] == with_site.shape[1] == 1600
    assert with_site.shape[0] > bare.shape[0]
    assert (bare[100, 400] == 45).all()
    assert (bare[200, 400] == 90).all()
    assert len(np.unique(with_site[-46 - 6, 100:1500], axis=0)) > 3  # dusk, nautical, night


def test_nothing_yet_is_said():
    with pytest.raises(NothingYetError, match="no frame"):
        Keogram().picture()


def test_nights_lie_under_each_other(tmp_path):
    season = Season(tmp_path, ZoneInfo("UTC"))
    for day, value in ((date(2026, 11, 1), 60), (date(2026, 11, 2), 120), (date(2026, 11, 5), 240)):
        keogram = Keogram()
        for n in range(0, 360, 10):
            evening = datetime.combine(day, datetime.min.time(), UTC) + timedelta(hours=20, minutes=n)
            keogram.append(look(n, value, start=evening))
        assert season.add(keogram) == [day]
        season.add(keogram)  # again: the same night, not another one
    assert season.nights() == [date(2026, 11, 1), date(2026, 11, 2), date(2026, 11, 5)]
    pixels = np.asarray(season.picture())
    middle = pixels[48:-46, 700].max(axis=1)
    each = len(middle) // 5
    lines = [int(np.median(middle[each * n + 2 : each * (n + 1) - 3])) for n in range(5)]
    assert lines[0] < lines[1] < lines[4]
    assert lines[2] < 45
    assert lines[3] < 45
    (tmp_path / "2026-11-02.night").write_bytes(b"rubbish")
    (tmp_path / "notes.night").write_bytes(b"")
    season.picture()
