"""Whatever a caller hands over is converted at the call and reads back from the finished file."""

import dataclasses
import decimal
import enum
import math
import pathlib
import uuid
from datetime import UTC, date, datetime, timedelta, timezone

import numpy as np
import orjson
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from sessions.store import ids, metadata, reading, values, yamltext
from sessions.store.manager import SessionManager
from skycam_project.common.errors import InvalidValueError


class Colour(enum.Enum):
    RED = 1


class Number(enum.IntEnum):
    ONE = 1


class Broken:
    def __repr__(self):
        raise RuntimeError("no")

    __str__ = __repr__


@dataclasses.dataclass
class Point:
    x: float


CYCLE: list = []
CYCLE.append(CYCLE)

ODD = {
    "numpy float": (np.float32(1.5), 1.5),
    "numpy int": (np.uint16(7), 7),
    "numpy bool": (np.bool_(True), True),
    "numpy time": (np.datetime64("2026-11-20T00:00"), "2026-11-20T00:00"),
    "numpy text": (np.str_("x"), "x"),
    "array": (np.arange(3), [0, 1, 2]),
    "image": (np.zeros((2000, 3000), np.uint16), "array uint16 2000x3000"),
    "nan": (math.nan, None),
    "inf": (-math.inf, None),
    "aware": (datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=UTC), "2026-01-02T03:04:05.000006Z"),
    "zone": (datetime(2026, 1, 2, tzinfo=timezone(timedelta(hours=2))), "2026-01-02T00:00:00+02:00"),
    "date": (date(2026, 1, 2), "2026-01-02"),
    "bytes": (b"\x00\xff", "AP8="),
    "path": (pathlib.Path("/a/b"), "/a/b"),
    "error": (ValueError("bad"), "ValueError: bad"),
    "enum": (Colour.RED, 1),
    "int enum": (Number.ONE, 1),
    "uuid": (uuid.UUID(int=1), "00000000-0000-0000-0000-000000000001"),
    "decimal": (decimal.Decimal("1.5"), "Decimal('1.5')"),
    "dataclass": (Point(1.0), {"x": 1.0}),
    "set": ({1}, [1]),
    "tuple": ((1, "a"), [1, "a"]),
    "huge": (2**100, str(2**100)),
    "surrogate": ("a\ud800b", "a\\ud800b"),
    "keys": ({1: "a", (2, 3): "b", None: "c"}, {"1": "a", "(2, 3)": "b", "None": "c"}),
    "complex": (1 + 2j, "(1+2j)"),
    "function": (len, "<built-in function len>"),
    "broken": (Broken(), "<Broken without a usable repr>"),
    "control": ("\x00\x07\x1b\x85\u2028\ufeff\U0001f30c", "\x00\x07\x1b\x85\u2028\ufeff\U0001f30c"),
}


@pytest.mark.parametrize("name", ODD)
def test_odd_value(name):
    given_value, wanted = ODD[name]
    assert values.plain(given_value) == wanted
    assert values.plain({"deep": [given_value]}) == {"deep": [wanted]}


def test_cycles_and_depth_end():
    deep: dict = {}
    for _ in range(5000):
        deep = {"d": deep}
    assert b"\xe2\x80\xa6" in values.encode(CYCLE)
    assert len(values.encode(deep)) < 2000


anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(), max_size=20)
    | st.binary(max_size=20)
    | st.datetimes(timezones=st.just(UTC))
    | st.builds(Broken)
    | st.complex_numbers(),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(st.characters(), max_size=8) | st.integers() | st.none(), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(anything)
def test_anything_becomes_json_and_yaml_with_the_same_content(value):
    plain = orjson.loads(values.encode(value))
    text = yamltext.flow(plain)
    assert "\n" not in text
    assert yaml.load(text, yaml.CSafeLoader) == plain
    assert values.plain(plain) == plain


def test_everything_odd_at_once_reads_back_from_the_finished_session(tmp_path):
    context = {name: value for name, (value, _) in ODD.items()}
    wanted = {name: value for name, (_, value) in ODD.items()}
    with SessionManager(tmp_path) as sessions:
        session = sessions.start_session("experiment", target="x", odd=context, **{"with space": 1})
        session.log("INFO", "odd", **context)
        session.log("INFO", Broken())
        session.log("INFO", "cycle", cycle=CYCLE)
        session.log("nonsense", "\ud800\x00", source=Broken)
        session.add_event("odd", context)
        session.add_telemetry("odd", a=np.float64(1), b=math.nan, c="t", d=Colour.RED, e={"f": 1}, g=2**70)
        session.add_telemetry("odd", a=3, b=2.5, c=None, h=True)
        session.add_calibration("plate_solve", context)
        session.add_calibration("plate_solve", "failed")
        details = {name: value for name, value in context.items() if name != "array"}
        session.add_frame(
            "main", np.eye(4, dtype="u1"), info=context, settings=context, gain="auto", **details
        )
        path = sessions.end_session()
        assert sessions.verify(path).ok
    with reading.open_session(path) as af:
        logs = list(af["observability"]["logs"])
        assert logs[0]["context"] == wanted
        assert logs[1]["message"] == "<Broken without a usable repr>"
        assert (logs[3]["level"], logs[3]["message"]) == ("INFO", "\\ud800\x00")
        assert af["observability"]["events"][0]["details"] == wanted
        assert dict(af["meta"]["odd"]) == wanted and af["meta"]["with space"] == 1
        first, second = af["telemetry"]["odd"]
        assert {k: first[k] for k in "abceg"} == {
            "a": 1.0,
            "b": None,
            "c": "t",
            "e": {"f": 1},
            "g": str(2**70),
        }
        assert (second["a"], second["b"], second["c"], second["h"]) == (3.0, 2.5, None, True)
        solved = af["calibration"]["plate_solve_results"]
        assert {k: solved[0][k] for k in wanted} == wanted and solved[1] == "failed"
        main = af["cameras"]["main"]
        assert dict(main["info"]) == wanted
        kept = {name: wanted[name] for name in details if wanted[name] is not None}
        assert main["frame_table"][0]["details"] == kept | {"gain": "auto"}
        af.validate()


def test_a_huge_context_is_cut_and_a_huge_event_refused(tmp_path):
    with SessionManager(tmp_path) as sessions:
        sessions.log("INFO", "m" * 100_000, big="x" * (2 << 20))
        with pytest.raises(InvalidValueError, match="at most"):
            sessions.add_event("big", {"x": "y" * (2 << 20)})
        with pytest.raises(InvalidValueError, match="at most"):
            sessions.add_frame("main", np.zeros((2, 2), np.uint8), cards="y" * (2 << 20))
        assert not list(sessions.active_session.folder.rglob("*.frame"))
        path = sessions.end_session()
    with reading.open_session(path) as af:
        row = af["observability"]["logs"][0]
    assert len(row["message"]) == 65_536 + len("… (cut)")
    assert row["context"]["cut"].startswith("{'big': 'xxx")


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        (datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC), 1_000_000),
        ("1970-01-01T01:00:01+01:00", 1_000_000),
        ("1970-01-01T00:00:01Z", 1_000_000),
        (np.int64(5), 5),
        (None, 77),
    ],
)
def test_times(value, wanted):
    assert metadata.moment(value, now=77) == wanted


@pytest.mark.parametrize("value", [datetime(2026, 1, 1), "2026-01-01T00:00:00", "soon", True, 1.5])
def test_a_time_without_a_zone_is_refused(value, tmp_path):
    with SessionManager(tmp_path) as sessions, pytest.raises(InvalidValueError):
        sessions.add_frame("main", np.zeros((2, 2), np.uint8), time=value)


@pytest.mark.parametrize(
    "array",
    [
        np.zeros((3,), np.uint16),
        np.zeros((3, 3, 4), np.uint16),
        np.zeros((0, 4), np.uint16),
        np.zeros((3, 3), bool),
        np.zeros((3, 3), np.complex64),
        np.array([["a"]]),
        "picture",
    ],
)
def test_what_is_no_image_is_refused(array, tmp_path):
    with SessionManager(tmp_path) as sessions, pytest.raises(InvalidValueError, match="frame"):
        sessions.add_frame("main", array)


@pytest.mark.parametrize("name", ["", "../x", "a/b", "a b", ".hidden", "calibration", "x" * 65, "caméra"])
def test_camera_names_that_are_no_folder_names_are_refused(name, tmp_path):
    with SessionManager(tmp_path) as sessions, pytest.raises(InvalidValueError, match="camera"):
        sessions.add_frame(name, np.zeros((2, 2), np.uint8))


@pytest.mark.parametrize(
    "options",
    [
        {"location": {"lat": 91, "lon": 0}},
        {"location": {"lat": "x", "lon": 0}},
        {"location": {"lat": 0, "lon": math.nan}},
        {"location": {"lon": 0}},
        {"instrument": "../x"},
        {"instrument": "A"},
        {"storage": "cloud"},
        {"codec": "rar"},
    ],
)
def test_wrong_options_are_refused(options, tmp_path):
    with pytest.raises(ValueError, match=r"."):
        SessionManager(tmp_path, **options)


@given(st.text(st.characters()))
def test_slugs_are_safe(text):
    slug = ids.slug(text)
    assert len(slug) <= 20
    assert set(slug) <= set("abcdefghijklmnopqrstuvwxyz0123456789_-")
    assert slug == ids.slug(slug)


@pytest.mark.parametrize(
    "target",
    [
        "../../etc/passwd",
        "/",
        "..",
        "M 31 / NGC 224",
        "x" * 500,
        "Æsir ☾",
        "",
        "\0",
        "a\nb",
        "CON",
        "-rf",
        "星",
    ],
)
def test_hostile_targets_stay_in_their_folder_and_are_kept_as_they_are(tmp_path, target):
    with SessionManager(tmp_path / "data") as sessions:
        session = sessions.start_session("observation", target=target)
        session.add_frame("main", np.zeros((2, 2), np.uint8))
        path = sessions.end_session()
    assert path.parent.parent.parent.parent == tmp_path / "data"
    assert len(path.name) < 80
    assert [child.name for child in tmp_path.iterdir()] == ["data"]
    with reading.open_session(path) as af:
        assert af["meta"]["target"] == target
