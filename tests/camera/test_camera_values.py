"""Texts of cameras as numbers, widgets as capabilities, addresses, and whose file is whose."""

import math
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from camera.drivers.address import parse_address
from camera.drivers.base import Applied, CameraFile, Settings
from camera.drivers.gphoto2.ledger import Ledger, group_pictures
from camera.drivers.gphoto2.spool import Spool, media_type
from camera.drivers.gphoto2.values import (
    format_flags,
    is_bulb,
    nearest,
    parse_aperture,
    parse_iso,
    parse_percent,
    parse_shutter,
)
from camera.drivers.gphoto2.widgets import Panel, preparation
from skycam_project.common.errors import InvalidValueError

# ---- texts


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1/4000", 1 / 4000),
        ("30", 30),
        ("0.5", 0.5),
        ("0,5", 0.5),
        ("10 1/2", 10.5),
        ("1/1.3", 1 / 1.3),
        ("0.0200s", 0.02),
        ("15.0000s", 15),
        ('2"', 2),
        (" 1/60 s", 1 / 60),
        ("Bulb", None),
        ("bulb", None),
        ("Time", None),
        ("Auto", None),
        ("1/0", None),
        ("0", None),
        ("3 4", None),
        ("", None),
    ],
)
def test_shutter_names_of_all_vendors(text: str, seconds: float | None) -> None:
    assert parse_shutter(text) == (None if seconds is None else pytest.approx(seconds))


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("f/2.8", 2.8),
        ("F2.8", 2.8),
        ("2.8", 2.8),
        ("f/3,5", 3.5),
        ("f/0", None),
        ("implicit auto", None),
        ("", None),
    ],
)
def test_aperture_names(text: str, number: float | None) -> None:
    assert parse_aperture(text) == number


@pytest.mark.parametrize(
    ("text", "number"), [("400", 400), ("ISO 1600", 1600), ("Auto", None), ("Lo 0.3", None), ("25600", 25600)]
)
def test_iso_names(text: str, number: float | None) -> None:
    assert parse_iso(text) == number


@pytest.mark.parametrize(
    ("text", "percent"),
    [("80%", 80), ("80", 80), ("100 %", 100), ("50% (low)", 50), ("Low", None), ("300", None)],
)
def test_battery_texts(text: str, percent: int | None) -> None:
    assert parse_percent(text) == percent


@pytest.mark.parametrize(
    ("name", "raw", "jpeg"),
    [
        ("NEF (Raw)", True, False),
        ("NEF+Fine", True, True),
        ("JPEG Fine", False, True),
        ("RAW + Large Fine JPEG", True, True),
        ("cRAW", True, False),
        ("Large Fine JPEG", False, True),
        ("Extra Fine", False, True),
    ],
)
def test_format_names(name: str, raw: bool, jpeg: bool) -> None:
    assert format_flags(name) == (raw, jpeg)


@given(st.text(max_size=40))
def test_no_text_of_a_camera_breaks_the_parsers(text: str) -> None:
    for parse in (parse_shutter, parse_aperture, parse_iso):
        value = parse(text)
        assert value is None or (value > 0 and math.isfinite(value))
    percent = parse_percent(text)
    assert percent is None or 0 <= percent <= 100
    is_bulb(text)
    format_flags(text)


@given(st.floats(1e-4, 9999), st.booleans())
def test_seconds_survive_both_spellings(value: float, with_unit: bool) -> None:
    text = f"{value:.4f}s" if with_unit else f"{value:.4f}"
    assert parse_shutter(text) == (pytest.approx(value, abs=1e-4) if round(value, 4) > 0 else None)


@given(st.integers(2, 8000))
def test_fractions_of_a_second(divisor: int) -> None:
    assert parse_shutter(f"1/{divisor}") == pytest.approx(1 / divisor)


@given(st.floats(1e-4, 60))
def test_nearest_is_nearest_in_stops(wanted: float) -> None:
    values = {f"{2.0**n:.6f}": 2.0**n for n in range(-13, 6)}
    chosen = values[nearest(values, wanted)]
    assert all(abs(math.log2(chosen / wanted)) <= abs(math.log2(v / wanted)) + 1e-9 for v in values.values())


# ---- widgets


def radio(value: str, *choices: str, readonly: bool = False) -> dict[str, Any]:
    return {"value": value, "choices": list(choices), "readonly": readonly}


CANON = {
    "shutterspeed": radio("bulb", "bulb", "30", "1", "1/2", "1/4000"),
    "aperture": radio("2.8", "implicit auto", "2.8", "4", "5.6"),
    "iso": radio("Auto", "Auto", "100", "200", "3200"),
    "imageformat": radio("RAW", "Large Fine JPEG", "RAW", "RAW + Large Fine JPEG"),
    "eosremoterelease": radio("None", "None", "Press Half", "Press Full", "Release Full", "Immediate"),
    "autoexposuremode": radio("AV", "P", "AV", "Manual", readonly=True),
    "capturetarget": radio("Internal RAM", "Internal RAM", "Memory card"),
    "reviewtime": radio("2 seconds", "None", "2 seconds", "Hold"),
    "cameramodel": {"value": "Canon EOS 600D", "readonly": True},
    "manufacturer": {"value": "Canon Inc.", "readonly": True},
}


def test_a_canon_is_understood() -> None:
    panel = Panel.read(CANON, preview=True)
    exposure, gain, aperture = (
        panel.capabilities.exposure,
        panel.capabilities.gain,
        panel.capabilities.aperture,
    )
    assert exposure is not None
    assert gain is not None
    assert aperture is not None
    assert exposure.values == (1 / 4000, 0.5, 1, 30)
    assert (exposure.bulb, exposure.bulb_max) == (True, 3600)
    assert panel.bulb == ("eosremoterelease", "Press Full", "Release Full")
    assert gain.values == (100, 200, 3200)
    assert aperture.values == (2.8, 4, 5.6)
    assert [form.raw for form in panel.capabilities.formats] == [False, True, True]
    assert panel.files_per_exposure("RAW + Large Fine JPEG") == 2
    assert panel.model("PTP/IP Camera") == "Canon EOS 600D"
    assert panel.model("Canon EOS 600D (library)") == "Canon EOS 600D (library)"
    assert preparation(CANON) == {"capturetarget": "Memory card", "reviewtime": "None"}
    assert "turn its dial to M" in panel.warnings[0]


def test_wishes_become_texts_and_texts_become_numbers() -> None:
    panel = Panel.read(CANON, preview=False)
    wanted = Settings(exposure_s=0.6, gain=150, aperture_f=4.1, format="RAW")
    texts = panel.texts_for(wanted)
    assert texts == {"imageformat": "RAW", "aperture": "4", "iso": "200", "shutterspeed": "1/2"}
    applied = panel.applied(wanted, texts)
    assert (applied.exposure_s, applied.gain, applied.aperture_f, applied.format) == (0.5, 200, 4, "RAW")
    assert [warning.split(":")[0] for warning in applied.warnings[1:]] == ["exposure 0.6s", "ISO 150"]


def test_long_exposures_use_bulb_where_there_is_one() -> None:
    panel = Panel.read(CANON, preview=False)
    assert panel.texts_for(Settings(exposure_s=120))["shutterspeed"] == "bulb"
    assert panel.applied(Settings(exposure_s=120), {"shutterspeed": "bulb"}).exposure_s == 120
    without = Panel.read({name: CANON[name] for name in ("shutterspeed",)}, preview=False)
    assert without.texts_for(Settings(exposure_s=120))["shutterspeed"] == "30"


def test_manual_lens_and_unknown_iso_are_said_not_faked() -> None:
    panel = Panel.read({"shutterspeed": CANON["shutterspeed"]}, preview=False)
    assert panel.capabilities.aperture is None
    applied = panel.applied(Settings(aperture_f=2.8, gain=400), {"shutterspeed": "1"})
    assert (applied.aperture_f, applied.gain, applied.gain_unit) == (None, None, None)
    assert all("cannot be set" in warning for warning in applied.warnings)
    assert len(applied.warnings) == 2


def test_a_range_widget_is_set_by_number() -> None:
    panel = Panel.read(
        {"f-number": {"value": 2.8, "readonly": False, "range": [1.4, 16.0, 0.1]}}, preview=False
    )
    assert panel.texts_for(Settings(aperture_f=32)) == {"f-number": 16.0}


# ---- addresses


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("auto", "auto"),
        ("", "auto"),
        ("usb:001,004", "usb:001,004"),
        ("usb:Nikon DSC D750", "usb:Nikon DSC D750"),
        ("ptpip:192.168.1.1", "ptpip:192.168.1.1:15740:15740"),
        ("ptpip:127.0.0.1:1234", "ptpip:127.0.0.1:1234:1234"),
        ("ptpip:127.0.0.1:1234:99", "ptpip:127.0.0.1:1234:99"),
    ],
)
def test_addresses(text: str, address: str) -> None:
    assert parse_address(text) == address


@pytest.mark.parametrize(
    "text",
    [
        "ptpip:camera.local",
        "ptpip:1.2.3.4:0",
        "ptpip:1.2.3.4:99999",
        "serial:/dev/ttyS0",
        "usb:$(x)",
        "disk:/",
    ],
)
def test_wrong_addresses_name_the_right_ones(text: str) -> None:
    with pytest.raises(InvalidValueError, match="usb:MODEL"):
        parse_address(text)


@given(st.text(max_size=60))
def test_any_text_is_an_address_or_refused(text: str) -> None:
    try:
        address = parse_address(text)
    except InvalidValueError:
        return
    assert parse_address(address) == address


# ---- the ledger

T0 = datetime(2026, 11, 20, 20, 0, tzinfo=UTC)


def on_card(name: str, seconds: float, folder: str = "/store/DCIM/100") -> CameraFile:
    return CameraFile(folder, name, 1000, int((T0 + timedelta(seconds=seconds)).timestamp()))


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    ledger = Ledger(tmp_path / "ledger.json")
    ledger.adopt([on_card("OLD.JPG", -9000)], [])
    return ledger


def test_only_files_of_open_exposures_are_ours(ledger: Ledger) -> None:
    number = ledger.begin(T0, Applied(exposure_s=30.0))
    card = [on_card("OLD.JPG", -9000), on_card("A.JPG", 31), on_card("HOLIDAY.JPG", 9000)]
    ((note, files),) = ledger.ours(card, 0.0)
    assert note.number == number
    assert [file.name for file in files] == ["A.JPG"]
    assert ledger.ours(card, 8969.0) != []  # a clock that is fast by that much would have stamped HOLIDAY so
    ledger.cancel(number)
    assert ledger.ours(card, 0.0) == []


def test_wrong_camera_clock_is_reckoned_with(ledger: Ledger) -> None:
    ledger.begin(T0, Applied(exposure_s=1.0))
    two_hours = 7200.0
    assert [files[0].name for _, files in ledger.ours([on_card("A.JPG", two_hours + 1)], two_hours)] == [
        "A.JPG"
    ]
    assert ledger.ours([on_card("A.JPG", two_hours + 1)], 0.0) == []


def test_raw_and_jpeg_belong_together(ledger: Ledger) -> None:
    ledger.begin(T0, Applied(exposure_s=1.0))
    ((_, files),) = ledger.ours([on_card("A.JPG", 2), on_card("A.NEF", 1)], 0.0)
    assert {file.name for file in files} == {"A.JPG", "A.NEF"}


def test_pictures_are_matched_to_exposures_by_time(ledger: Ledger) -> None:
    first = ledger.begin(T0, Applied(exposure_s=1.0))
    second = ledger.begin(T0 + timedelta(seconds=20), Applied(exposure_s=1.0))
    matched = ledger.ours([on_card("B.JPG", 21)], 0.0)
    assert [note.number for note, _ in matched] == [second]
    both = ledger.ours([on_card("A.JPG", 1), on_card("B.JPG", 21)], 0.0)
    assert [(note.number, files[0].name) for note, files in both] == [(first, "A.JPG"), (second, "B.JPG")]


def test_more_pictures_than_exposures_are_nobodys(ledger: Ledger) -> None:
    ledger.begin(T0, Applied(exposure_s=1.0))
    assert ledger.ours([on_card("A.JPG", 1), on_card("B.JPG", 2)], None) == []


def test_notes_survive_the_process_and_numbers_are_not_reused(ledger: Ledger, tmp_path: Path) -> None:
    applied = Applied(exposure_s=2.5, gain=800.0, gain_unit="ISO", aperture_f=1.4, warnings=("a",))
    number = ledger.begin(T0, applied)
    again = Ledger(tmp_path / "ledger.json")
    assert again.open[number].applied == applied
    assert again.open[number].start == T0
    assert again.known == {"/store/DCIM/100/OLD.JPG"}
    again.acknowledge(number, [on_card("A.JPG", 1)])
    third = Ledger(tmp_path / "ledger.json")
    assert third.open == {}
    assert third.doomed == {"/store/DCIM/100/A.JPG": 1000}
    assert third.begin(T0, applied) > number


@given(st.binary(max_size=200))
def test_a_damaged_ledger_claims_nothing(data: bytes) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "ledger.json"
        path.write_bytes(data)
        ledger = Ledger(path)
        assert ledger.damaged
        assert ledger.ours([on_card("A.JPG", 1)], None) == []


@given(
    st.lists(
        st.tuples(st.sampled_from("ABC"), st.sampled_from(["JPG", "NEF"]), st.integers(0, 99)), unique=True
    )
)
def test_grouping_loses_no_file(names: list[tuple[str, str, int]]) -> None:
    files = [on_card(f"{stem}.{suffix}", seconds) for stem, suffix, seconds in names]
    groups = group_pictures(files)
    assert sorted(map(repr, files)) == sorted(repr(file) for group in groups for file in group)
    assert all(len({file.name.split(".")[0] for file in group}) == 1 for group in groups)


# ---- the spool


@given(st.text(min_size=1, max_size=150), st.integers(1, 10**9))
def test_no_name_of_a_camera_leaves_the_spool(name: str, number: int) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        spool = Spool(Path(folder) / "spool")
        target = spool.target(number, CameraFile("/", name, 1))
        assert target.parent == (Path(folder) / "spool").resolve()
        target.write_bytes(b"x")
        assert [(found, path) for found, _name, path in spool.files()] == [(number, target)]


def test_media_types() -> None:
    assert media_type("SKY_0001.JPG") == "image/jpeg"
    assert media_type("DSC_0001.NEF") == "image/x-nikon-nef"
    assert media_type("IMG.CR2") == "image/x-canon-cr2"
    assert media_type("README") == "application/octet-stream"
