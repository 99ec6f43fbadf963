"""Document 002, "Example: Complete Session Flow", as printed but for imports and four stand-ins."""

import warnings

import asdf
import numpy as np
import polars as pl
import pytest
from astropy.io import fits

from sessions.store import reading
from sessions.store.ids import SessionType
from sessions.store.manager import SessionManager
from tests.crashing import quick_folder

RANDOM = np.random.default_rng(2)


def image(shape=(60, 80), dtype=np.uint16):
    return RANDOM.integers(0, 4096, shape).astype(dtype)


def capture_spotter():
    return image()


def capture_main_sequence(count):
    return [image((4, 4)) for _ in range(count)]


def plate_solve(spotter, main):
    assert spotter.shape and main.shape
    return {"ra": 10.68, "dec": 41.27, "rotation": 1.5, "scale": 2.1}


@pytest.fixture
def quick():
    with quick_folder() as folder:
        yield folder


def test_complete_session_flow(quick):
    taken = []

    def capture_frame():
        taken.append(image())
        return taken[-1]

    # Initialize (starts idle session automatically)
    sessions = SessionManager(data_dir=str(quick))

    # System startup logs go to idle session
    sessions.log("INFO", "Telescope MCP server started")
    sessions.log("INFO", "Cameras initialized", cameras=["ASI482MC", "ASI120MC-S"])

    # Start alignment session
    alignment = sessions.start_session("alignment", purpose="ra_dec_calibration")
    sessions.log("INFO", "Beginning plate solve alignment")

    # ... do alignment work ...
    spotter_frame = capture_spotter()
    main_frames = capture_main_sequence(564)
    solve_result = plate_solve(spotter_frame, main_frames[282])

    alignment.add_calibration("plate_solve", solve_result)
    sessions.log("INFO", "Alignment complete", offset_ra=0.5, offset_dec=-0.3)

    # End alignment, creates: alignment_20251214_203000.asdf
    alignment_path = sessions.end_session()

    # Back to idle session automatically
    sessions.log("INFO", "Waiting for observation command")

    # Start observation
    obs = sessions.start_session(
        "observation",
        target="M31",
        planned_duration_minutes=120,
    )
    sessions.log("INFO", "Starting M31 observation")

    # ... capture frames, telemetry, etc. ...
    for i in range(1000):
        frame = capture_frame()
        obs.add_frame("main", frame)
        sessions.log("DEBUG", f"Frame {i} captured", exposure_us=312000)

    # End observation, creates: observation_m31_20251214_210000.asdf
    obs_path = sessions.end_session()

    # Update catalog index
    catalog = sessions.rebuild_catalog()  # Updates catalog.parquet
    written = sessions.export_fits(obs_path, quick / "fits")
    sessions.shutdown()

    found = pl.read_parquet(catalog)
    assert catalog == quick / "catalog/catalog.parquet"
    assert sorted(found["session_type"]) == ["alignment", "idle", "idle", "observation"]
    row = found.row(by_predicate=pl.col("target") == "M31", named=True)
    assert quick / row["asdf_path"] == obs_path
    assert np.array_equal(fits.getdata(written[7]), taken[7]) and len(written) == 1000

    assert alignment_path.name.startswith("alignment_2")
    with reading.open_session(alignment_path) as af:
        assert af["meta"]["purpose"] == "ra_dec_calibration"
        solved = af["calibration"]["plate_solve_results"]
        assert [(row["ra"], row["dec"]) for row in solved] == [(10.68, 41.27)]
        assert af["observability"]["logs"][1]["context"] == {"offset_ra": 0.5, "offset_dec": -0.3}

    assert obs_path.name.startswith("observation_m31_2")
    assert obs_path.relative_to(quick).as_posix().count("/") == 3  # YYYY/MM/DD
    with reading.open_session(obs_path, validate_checksums=True) as af:
        assert af["meta"]["target"] == "M31"
        assert af["meta"]["planned_duration_minutes"] == 120
        logs = af["observability"]["logs"]
        assert logs[3]["message"] == "Frame 2 captured"
        assert logs[3]["context"] == {"exposure_us": 312000}
        assert [row["message"] for row in logs[1:]] == [f"Frame {i} captured" for i in range(1000)]
        assert af["observability"]["metrics"]["frames_captured"] == 1000
        for stored, original in zip(af["cameras"]["main"]["frames"], taken, strict=True):
            assert np.array_equal(stored, original)

    idle = sorted((obs_path.parent).glob("idle_*.asdf"))
    messages = []
    for path in idle:
        with reading.open_session(path) as af:
            messages += [row["message"] for row in af["observability"]["logs"]]
    assert sorted(messages) == [
        "Cameras initialized",
        "Telescope MCP server started",
        "Waiting for observation command",
    ]
    assert not list((quick / ".live").glob("*.partial"))


@pytest.mark.parametrize("kind", list(SessionType))
def test_every_type_of_session_takes_everything(tmp_path, kind):
    """On the session and on the manager alike."""
    with SessionManager(tmp_path) as sessions:
        session = sessions.start_session(kind.value)
        for number, recorder in enumerate((session, sessions)):
            recorder.log("WARNING", f"row {number}", source="test", number=number)
            recorder.add_event("tracking_lost", {"number": number})
            recorder.add_telemetry("focus_position", value=number)
            recorder.add_frame("main", np.full((4, 4), number, np.uint16), exposure_us=5)
            recorder.add_original("dslr", b"raw %d" % number, file_name="a.nef")
            recorder.add_calibration("plate_solve", {"ra": 10.0, "dec": float(number)})
        path = sessions.end_session()
    assert path.name.startswith(f"{kind.value}_2")
    with reading.open_session(path) as af:
        assert af["meta"]["session_type"] == kind.value
        seen = af["observability"]
        assert [row["message"] for row in seen["logs"]] == ["row 0", "row 1"]
        assert [row["details"]["number"] for row in seen["events"]] == [0, 1]
        assert [row["value"] for row in af["telemetry"]["focus_position"]] == [0, 1]
        assert [int(np.array(frame)[0, 0]) for frame in af["cameras"]["main"]["frames"]] == [0, 1]
        assert [np.array(one).tobytes() for one in af["cameras"]["dslr"]["originals"]] == [b"raw 0", b"raw 1"]
        assert [row["dec"] for row in af["calibration"]["plate_solve_results"]] == [0.0, 1.0]
        assert (seen["metrics"]["warnings"], seen["metrics"]["frames_captured"]) == (2, 4)


def test_a_reader_without_the_extension_gets_plain_columns(tmp_path):
    with SessionManager(tmp_path) as sessions:
        sessions.log("WARNING", "grüße ☾", source="here")
        path = sessions.end_session()
    with asdf.config_context() as config, warnings.catch_warnings():
        for extension in list(config.extensions):
            if "skycam" in (extension.extension_uri or ""):
                config.remove_extension(extension.extension_uri)
        warnings.simplefilter("ignore", asdf.exceptions.AsdfConversionWarning)
        with asdf.open(path, validate_checksums=True, lazy_load=False) as af:
            af.validate()
            table = af["observability"]["logs"]
            assert table["n"] == 1
            assert bytes(np.array(table["columns"]["message"]["utf8"])).decode() == "grüße ☾"
            assert af["observability"]["metrics"]["warnings"] == 1


@pytest.mark.parametrize("codec", ["blsc", "portable", "none"])
@pytest.mark.parametrize("storage", ["embedded", "external"])
def test_pixels_and_originals_come_back_exactly(tmp_path, codec, storage):
    spool = tmp_path / "spool.nef"
    spool.write_bytes(raw := RANDOM.bytes(70_001))
    arrays = [
        image(),
        image((33, 7)).byteswap().view(">u2"),
        np.asfortranarray(image((20, 30), np.uint8)),
        image((16, 20, 3), np.uint8),
        RANDOM.normal(size=(10, 10)).astype(np.float32),
        image((50, 50))[::2, 5:],
        np.zeros((100, 100), np.int32),
    ]
    with SessionManager(tmp_path / "data", storage=storage, codec=codec) as sessions:
        session = sessions.start_session("observation", "M 31")
        buffer = np.empty((60, 80), np.uint16)
        for value in range(3):  # a driver that reuses its buffer
            buffer[:] = value
            session.add_frame("reused", buffer)
        records = [session.add_frame("main", array, gain=3) for array in arrays]
        original = session.add_original("dslr", spool)
        memory = session.add_original("dslr", raw, file_name="b.fits", cards={"OBJECT": "M31"})
        assert not spool.exists() and original.path.read_bytes() == raw and original.path.suffix == ".nef"
        assert (original.sha256, original.bytes) == (memory.sha256, len(raw))
        session.add_calibration("dark", arrays[0], exposure_us=5)
        path = sessions.end_session()
        report = sessions.verify(path)
    assert [record.index for record in records] == list(range(len(arrays)))
    assert report.ok, report.problems
    with reading.open_session(path, validate_checksums=True) as af:
        cameras = af["cameras"]
        for stored, array in zip(cameras["main"]["frames"], arrays, strict=True):
            assert stored.dtype == array.dtype.newbyteorder("=")
            assert np.array_equal(stored, array)
        assert [np.unique(frame).tolist() for frame in cameras["reused"]["frames"]] == [[0], [1], [2]]
        assert np.array_equal(af["calibration"]["dark_frames"][0], arrays[0])
        dark = af["calibration"]["frame_table"][0]
        assert (dark["list"], dark["position"], dark["exposure_us"]) == ("dark_frames", 0, 5)
        stored = cameras["dslr"]["originals"]
        if storage == "external":
            assert [(path.parent / name).read_bytes() for name in stored] == [raw, raw]
            assert path.with_suffix(".frames").is_dir()
        else:
            assert [np.array(item).tobytes() for item in stored] == [raw, raw]
            assert not path.with_suffix(".frames").exists()
        rows = list(cameras["dslr"]["frame_table"])
        assert [row["media_type"] for row in rows] == ["image/x-nikon-nef", "image/fits"]
        assert [row["sha256"] for row in rows] == [original.sha256] * 2
        assert rows[1]["details"] == {"cards": {"OBJECT": "M31"}}
        assert [row["position"] for row in rows] == [0, 1]
        assert cameras["main"]["frame_table"][2]["gain"] == 3
