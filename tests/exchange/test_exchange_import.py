"""Folders of other programs become sessions: bytes kept, times right, nothing twice, hostile files left out."""

import fcntl
import hashlib
import io
import json
import os
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from exchange_nights import device_fits, dng, jpeg, mosaic, night
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from test_exchange_decoding import HOSTILE

from sessions.exchange import fits as exchange
from sessions.exchange.contents import Contents
from sessions.exchange.imports import taking
from sessions.exchange.imports.layouts import recognise
from sessions.exchange.imports.plan import plan
from sessions.exchange.imports.taking import ImportBusyError
from sessions.store import reading
from sessions.store.verify import verify
from skycam_project.common.errors import InvalidValueError

ZURICH = ZoneInfo("Europe/Zurich")


def take(folder: Path, data: Path, **options):
    """Import a folder; returns the plan and the sessions' files."""
    made = plan(folder, data, ZURICH, **options)
    files = [one.path for one in taking.take(made, data)]
    for path in files:
        report = verify(path)
        assert report.ok, report.problems
    assert not [one for one in (data / ".import").iterdir() if one.name != "lock"]
    return made, files


def dwarf_session(root: Path) -> Path:
    """A session folder as the DWARF 3 leaves it; local time, stamps at the end of an exposure."""
    folder = root / "DWARF_RAW_TELE_M 31_EXP_15_GAIN_60_2026-03-24-21-37-10-100"
    (folder / "Thumbnail").mkdir(parents=True)
    for number in range(3):
        end = datetime(2026, 3, 24, 21, 37, 32, 172000) + timedelta(seconds=15 * number)
        stamp = end.strftime("%Y%m%d-%H%M%S") + f"{end.microsecond // 1000:03d}"
        name = f"{'failed_' if number == 1 else ''}M 31_15s60_Astro_{stamp}_36C.fits"
        iso = end.isoformat(timespec="milliseconds")
        (folder / name).write_bytes(device_fits(number, **{"DATE-OBS": iso, "FILTER": "Astro"}))
        (folder / "Thumbnail" / name.replace(".fits", ".jpg")).write_bytes(jpeg(number))
    shots = {
        "DEC": 41.27,
        "RA": 0.712,
        "binning": "1*1",
        "exp": "15",
        "gain": 60,
        "ir": "Astro",
        "target": "M 31",
    }
    (folder / "shotsInfo.json").write_text(json.dumps(shots))
    (folder / "stacked.jpg").write_bytes(jpeg(77))
    (folder / "stacked-16_M 31_15s60_Astro_20260324-213717172.fits").write_bytes(
        device_fits(78, EXPTIME=45.0)
    )
    return folder


def test_a_dwarf_session(tmp_path):
    folder = dwarf_session(tmp_path / "Astronomy")
    made, files = take(folder, tmp_path / "data")
    assert made.layout.name == "dwarf" and len(files) == 1 and not made.problems
    assert files[0] == tmp_path / "data/2026/03/24/observation_m-31_dwarf-tele_20260324_203710.asdf"
    with Contents(files[0]) as contents:
        assert contents.meta["target"] == "M 31" and contents.meta["status"] == "complete"
        assert contents.meta["target_coords"]["ra"] == pytest.approx(10.68)
        assert contents.meta["imported"]["layout"] == "dwarf"
        frames = [frame for frame in contents.frames() if frame.camera == "tele"]
        assert [frame.row["time"] for frame in frames] == [
            datetime(2026, 3, 24, 20, 37, 17, 172000, UTC) + timedelta(seconds=15 * number)
            for number in range(3)
        ]
        assert [frame.details.get("rejected") for frame in frames] == [None, True, None]
        assert {
            (f.row["exposure_us"], f.row["gain"], f.row["sensor_temp_c"], f.row["filter"]) for f in frames
        } == {(15_000_000, 60.0, 36.0, "Astro")}
        for frame in contents.frames():
            source = next(folder.glob(frame.file_name))
            assert b"".join(contents.original(frame)) == source.read_bytes()
        stack = [frame.kind for frame in contents.frames() if frame.camera == "tele-stack"]
        assert stack == ["Stacked", "Stacked"]
        assert contents.metrics["duration_seconds"] == pytest.approx(67, abs=15)
    with reading.open_session(files[0]) as af:
        assert af["observability"]["events"][0]["event"] == "imported"


def test_a_whole_dwarf_card_with_its_darks(tmp_path):
    card = tmp_path / "card"
    dwarf_session(card / "Astronomy")
    darks = card / "Astronomy/DWARF_DARK/tele_exp_15_gain_60_bin_1_2026-03-20-03-23-10-186"
    darks.mkdir(parents=True)
    for number in range(2):
        name = f"raw_15s_60_{number:04d}_20260320-0323{number:02d}186_20C.fits"
        (darks / name).write_bytes(device_fits(90 + number, **{"DATE-OBS": f"2026-03-20T03:23:{number:02d}"}))
    (card / "Normal_Photos").mkdir()
    (card / "again").symlink_to(card / "Astronomy")
    made, files = take(card, tmp_path / "data")
    assert made.layout.name == "dwarf" and not made.known
    assert [path.name.split("_")[0] for path in files] == ["alignment", "observation"]
    with Contents(files[0]) as contents:
        assert [(frame.kind, frame.camera) for frame in contents.frames()] == [("Dark Frame", "tele")] * 2


def test_what_is_imported_goes_out_as_fits_with_its_keywords(tmp_path):
    from astropy.io import fits

    _, files = take(dwarf_session(tmp_path / "a"), tmp_path / "data")
    lights = [one for one in exchange.export(files[0], tmp_path / "out").files if one.parent.name == "lights"]
    header = fits.getheader(next(one for one in lights if "_tele_" in one.name))
    assert (
        header["DATE-OBS"] == "2026-03-24T20:37:17.172"
        and header["FIRMWARE"] == "1.5.2"
        and header["GAIN"] == 60
    )


def test_nothing_is_taken_twice(tmp_path):
    folder = dwarf_session(tmp_path / "Astronomy")
    _, files = take(tmp_path / "Astronomy", tmp_path / "data")
    made, again = take(tmp_path / "Astronomy", tmp_path / "data")
    assert not again and len(made.known) == 5
    late = folder / "M 31_15s60_Astro_20260324-213832172_36C.fits"
    late.write_bytes(device_fits(9, **{"DATE-OBS": "2026-03-24T21:38:32.172"}))
    _, more = take(tmp_path / "Astronomy", tmp_path / "data")
    with Contents(more[0]) as contents:
        assert [frame.file_name for frame in contents.frames()] == [late.name]
    for path in (*files, *more):
        path.unlink()
    (tmp_path / "Astronomy" / "copy").mkdir()
    (folder / "stacked.jpg").rename(folder / "stacked_thumbnail.jpg")
    _, first = take(folder, tmp_path / "data")
    _, other = take(folder, tmp_path / "elsewhere")
    with Contents(first[0]) as one, Contents(other[0]) as two:
        assert one.meta["uuid"] == two.meta["uuid"], "the same files make the same session anywhere"


def test_a_folder_of_fits_is_cut_by_night_and_target(tmp_path):
    root = tmp_path / "fits"
    made = [
        ("a/1.fits", "2026-03-24T20:00:00", "M 31", "Light Frame"), ("a/2.fits", "2026-03-25T01:00:00", "M 31", "LIGHT"),
        ("b/3.fit", "2026-03-25T21:00:00", "M 31", "Light"), ("b/4.fits", "2026-03-24T22:00:00", "M 42", "Light Frame"),
        ("darks/5.fits", "2026-03-24T23:00:00", "", "Master Dark"), ("flats/6.fits", "2026-03-24T17:00:00", "", ""),
    ]  # fmt: skip
    for number, (name, time, target, kind) in enumerate(made):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        cards = {"DATE-OBS": time, "OBJECT": target, "INSTRUME": "ASI 533"} | (
            {"IMAGETYP": kind} if kind else {}
        )
        (root / name).write_bytes(device_fits(number, **cards))
    plan_, files = take(root, tmp_path / "data")
    found = {}
    for path in files:
        with Contents(path) as contents:
            kinds = sorted({frame.kind for frame in contents.frames()})
            found[contents.meta["session_type"], contents.meta["target"], path.parent.name] = (
                contents.metrics["frames_captured"],
                kinds,
            )
    assert found == {
        ("observation", "M 31", "24"): (2, ["Light Frame"]), ("observation", "M 31", "25"): (1, ["Light Frame"]),
        ("observation", "M 42", "24"): (1, ["Light Frame"]), ("alignment", None, "24"): (1, ["Dark Frame"]),
    } | {("alignment", None, "24"): found["alignment", None, "24"]}  # fmt: skip
    assert len(files) == 5 and plan_.layout.name == "fits"
    with Contents(files[-1]) as contents:
        assert contents.cameras["ASI-533"].info["model"] == "ASI 533"


def test_a_folder_of_pictures_by_exif_name_and_date(tmp_path):
    root = tmp_path / "DCIM"
    (root / "100D750").mkdir(parents=True)
    (root / "100D750" / "DSC_0001.JPG").write_bytes(jpeg(1))
    (root / "100D750" / "DSC_0002.dng").write_bytes(dng())
    (root / "timelapse_20260324-220102.png").write_bytes(_png())
    (root / "plain.jpg").write_bytes(jpeg(5, exif=False))
    os.utime(root / "plain.jpg", (1774389600, 1774389600))  # 2026-03-24T22:00:00Z
    _, files = take(root, tmp_path / "data")
    seen = {}
    for path in files:
        with Contents(path) as contents:
            for frame in contents.frames():
                seen[frame.file_name] = (
                    frame.row["time"],
                    frame.details["time_from"],
                    frame.row.get("exposure_us"),
                    frame.row.get("gain"),
                )
    assert seen == {
        "DSC_0001.JPG": (datetime(2026, 3, 24, 20, 37, 32, tzinfo=UTC), "exif", 8_000_000, 1600.0),
        "DSC_0002.dng": (datetime(2026, 3, 24, 20, 40, tzinfo=UTC), "exif", None, None),
        "timelapse_20260324-220102.png": (datetime(2026, 3, 24, 21, 1, 2, tzinfo=UTC), "name", None, None),
        "plain.jpg": (datetime(2026, 3, 24, 22, 0, tzinfo=UTC), "modified", None, None),
    }


def _png() -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(mosaic(3, (20, 30), 255, np.uint8)).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("layout", "names"),
    [
        (
            "indi-allsky",
            {
                "ccd_0a1b/exposures/20260324/night/24_22/ccd1_20260324_221500.jpg": "ccd1",
                "ccd_0a1b/exposures/20260324/night/25_01/ccd1_20260325_011500.jpg": "ccd1",
                "ccd_0a1b/exposures/20260324/day/24_12/ccd1_20260324_121500.jpg": "ccd1",
                "ccd_0a1b/fits/20260324/night/24_22/ccd1_20260324_221500.fit": "ccd1-fits",
            },
        ),
        (
            "allsky",
            {
                "20260324/image-20260324221500.jpg": "sky",
                "20260324/image-20260325011500.jpg": "sky",
                "20260323/image-20260324011500.jpg": "sky",
            },
        ),
    ],
)  # fmt: skip
def test_archives_of_allsky_cameras(tmp_path, layout, names):
    root = tmp_path / "images"
    extras = [
        "20260324/thumbnails/image-20260324221500.jpg",
        "20260324/keogram/keogram-20260324.jpg",
        "allsky-20260324.mp4",
    ]
    for number, name in enumerate([*names, *extras]):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(device_fits(number) if name.endswith("fit") else jpeg(number))
    made, files = take(root, tmp_path / "data")
    assert made.layout.name == layout
    seen = {}
    for path in files:
        with Contents(path) as contents:
            for frame in contents.frames():
                source = next(root / name for name in names if (root / name).name == frame.file_name)
                assert b"".join(contents.original(frame)) == source.read_bytes()
                digits = "".join(filter(str.isdigit, frame.file_name.replace("ccd1", "")))
                local = datetime.strptime(digits, "%Y%m%d%H%M%S").replace(tzinfo=ZURICH)
                if not frame.file_name.endswith("fit"):
                    assert frame.row["time"] == local.astimezone(UTC)
                seen.setdefault(path.stem, []).append(frame.camera)
    assert sorted(camera for cameras in seen.values() for camera in cameras) == sorted(names.values())
    assert len(files) == 2, "one session a night or day"


def test_a_dry_run_writes_nothing_and_unknown_folders_are_refused(tmp_path):
    made = plan(dwarf_session(tmp_path / "a"), tmp_path / "data", ZURICH)
    assert len(made.sessions[0].items) == 5 and not (tmp_path / "data").exists()
    (tmp_path / "empty").mkdir()
    with pytest.raises(InvalidValueError, match="indi-allsky"):
        plan(tmp_path / "empty", tmp_path / "data", ZURICH)
    assert recognise(tmp_path / "empty") is None


def test_hostile_files_are_named_and_left_out(tmp_path):
    root = tmp_path / "mixed"
    root.mkdir()
    for name, data in HOSTILE.items():
        if "/" not in name:
            (root / name).write_bytes(data)
    (root / "good.fits").write_bytes(device_fits(1))
    (root / "link.fits").symlink_to("/etc/passwd")
    (root / "huge.fits").touch()
    os.truncate(root / "huge.fits", 3 << 30)
    made, files = take(root, tmp_path / "data", layout="fits")
    with Contents(files[0]) as contents:
        names = {frame.file_name for frame in contents.frames()}
    assert "good.fits" in names and not names & {"link.fits", "huge.fits", "empty.fits"}
    refused = {path.name for path in made.problems}
    assert {"huge.fits", "empty.fits"} <= refused and "link.fits" not in refused
    out = exchange.export(files[0], tmp_path / "out")
    assert [one.name.rpartition("_")[2] for one in out.files]
    assert all("cannot be decoded" in reason for reason in out.skipped.values())


NUMBERS = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False, width=32), st.integers(-(2**62), 2**62), st.sampled_from([1e30, -1e30, 1e299, 0]),
)  # fmt: skip
CLAIMS = st.fixed_dictionaries(
    {},
    optional={
        **{name: NUMBERS for name in ("EXPTIME", "GAIN", "OFFSET", "DET-TEMP", "RA", "DEC", "SITELAT", "SITELONG", "FOCUSPOS", "XPIXSZ")},
        "DATE-OBS": st.sampled_from(["0001-01-01T00:00:00", "9999-12-31T23:59:59", "2026-13-45", "1969-07-20T20:17:40", "x" * 60]),
        "OBJECT": st.text("abc/.\\ :'\"-", max_size=60), "IMAGETYP": st.text("abcDARK ", max_size=20), "FILTER": st.text("abc/", max_size=9),
        "INSTRUME": st.text("ABC/. ", max_size=40),
    },
)  # fmt: skip


@pytest.mark.timeout(150)
@settings(max_examples=3, deadline=None)
@given(st.lists(CLAIMS, min_size=10, max_size=10))
def test_whatever_a_header_claims_the_session_is_whole(tmp_path_factory, claims):
    """No claim breaks an import, and what is not to be believed is left out."""
    root = tmp_path_factory.mktemp("claims")
    for number, one in enumerate(claims):
        (root / f"{number}.fits").write_bytes(device_fits(number, (4, 6), **one))
    made, files = take(root, root / "data", layout="fits")
    assert not made.problems
    rows = []
    for path in files:
        with Contents(path) as contents:
            rows += [frame.row for frame in contents.frames()]
    assert len(rows) == len(claims)
    assert all(row.get("exposure_us") is None or 0 <= row["exposure_us"] <= 1e12 for row in rows)
    assert all(1900 <= row["time"].year <= 2200 for row in rows)


def test_what_a_stranger_nests_does_not_reach_the_session(tmp_path):
    folder = dwarf_session(tmp_path / "a")
    nested = b"[" * 500 + b"]" * 500
    (folder / "shotsInfo.json").write_bytes(b'{"target": "M 31", "deep": ' + nested + b"}")
    _, files = take(folder, tmp_path / "data")
    with Contents(files[0]) as contents:
        assert set(contents.meta["shots_info"]) <= {"target", "RA"} and contents.meta["target"] == "M 31"


def test_a_file_that_changes_in_between_is_left_out(tmp_path):
    folder = dwarf_session(tmp_path / "a")
    made = plan(folder, tmp_path / "data", ZURICH)
    changed = next(folder.glob("failed_*"))
    changed.write_bytes(device_fits(55))
    path = taking.take(made, tmp_path / "data")[0].path
    assert "changed while" in made.problems[changed] and verify(path).ok
    with Contents(path) as contents:
        assert changed.name not in {frame.file_name for frame in contents.frames()}


KILLED = """
import os, signal, sys
from pathlib import Path
from zoneinfo import ZoneInfo
from sessions.exchange.imports import taking
from sessions.exchange.imports.plan import plan
made = plan(Path(sys.argv[1]), Path(sys.argv[2]), ZoneInfo("Europe/Zurich"))
def tell(done, total):
    if done == int(sys.argv[3]):
        os.kill(os.getpid(), signal.SIGKILL)
taking.take(made, Path(sys.argv[2]), tell)
"""


@pytest.mark.parametrize("after", [1, 4])
def test_a_killed_import_leaves_nothing_and_is_simply_done_again(tmp_path, after):
    folder = dwarf_session(tmp_path / "a")
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    command = [sys.executable, "-c", KILLED, str(folder), str(tmp_path / "data"), str(after)]
    assert subprocess.run(command, env=os.environ | {"PYTHONPATH": "."}).returncode == -signal.SIGKILL
    assert not list((tmp_path / "data").glob("2026/**/*.asdf"))
    _, files = take(folder, tmp_path / "data")
    with Contents(files[0]) as contents:
        hashes = {frame.row["sha256"] for frame in contents.frames()}
    wanted = {
        hashlib.sha256(data).hexdigest()
        for path, data in before.items()
        if "Thumb" not in path.parts[-2] and path.suffix != ".json"
    }
    assert hashes == wanted and {path: path.read_bytes() for path in before} == before


def test_one_import_at_a_time(tmp_path):
    made = plan(dwarf_session(tmp_path / "a"), tmp_path / "data", ZURICH)
    staging = tmp_path / "data" / ".import"
    staging.mkdir(parents=True)
    with (staging / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(ImportBusyError, match="wait"):
            taking.take(made, tmp_path / "data")
    assert len(taking.take(made, tmp_path / "data")) == 1


def test_our_own_fits_come_back_as_they_were(tmp_path):
    """Out and in again: pixels, exposure, gain, pointing, site, binning."""
    out = tmp_path / "out"
    exchange.export(night(tmp_path / "data"), out)
    _, files = take(out, tmp_path / "again")
    with Contents(files[0]) as contents:
        lights = [frame for frame in contents.frames() if frame.kind == "Light Frame"]
        assert contents.meta["location"]["lat"] == pytest.approx(46.9481)
        info = contents.cameras[lights[0].camera].info
        assert info["pixel_size_um"] == 2.0 and info["focal_length_mm"] == 150.0
    assert [(f.row["exposure_us"], f.row["gain"], f.row["ra_deg"]) for f in lights] == [
        (15_000_000, 60.0, 10.5)
    ] * 3


def test_pictures_whose_header_stands_behind_their_pixels(tmp_path):
    noise = Image.fromarray(np.random.default_rng(1).integers(0, 256, (700, 800, 3), np.uint8))
    names = {"a.png", "b.tif", "c.jpg"}
    (tmp_path / "in").mkdir()
    for name in names:
        noise.save(tmp_path / "in" / name)
    assert min(path.stat().st_size for path in (tmp_path / "in").glob("[ab]*")) > 1 << 20
    made, files = take(tmp_path / "in", tmp_path / "data")
    assert not made.problems
    with Contents(files[0]) as contents:
        assert {frame.row["file_name"] for frame in contents.frames()} == names
