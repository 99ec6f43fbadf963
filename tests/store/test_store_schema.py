"""The schema: what the store writes follows it, the ASDF library agrees, and what deviates is named."""

import asdf
import numpy as np
import pytest

from reader.skycam_reader.extension import SESSION_SCHEMA
from sessions.store import reading, schema, tree
from sessions.store.manager import SessionManager
from sessions.store.verify import verify


def write_session(root, storage="embedded", codec="blsc"):
    image = np.arange(600, dtype=np.uint16).reshape(20, 30)
    place = {"lat": 46.9, "lon": 7.4, "alt": 540}
    with SessionManager(root, place, storage=storage, codec=codec, instrument="dslr") as sessions:
        session = sessions.start_session(
            "observation", "M 31", target_coords={"ra": 10.68, "dec": 41.27, "frame": "icrs"}
        )
        session.log("INFO", "begun", step=1)
        session.log("WARNING", "no context")
        session.add_event("cloud_detected", {"stars": 3})
        session.add_telemetry("temperature", sensor="ccd", value=-10.5)
        session.add_telemetry("temperature", sensor="mount", value=4)
        session.add_telemetry("mount_position", ra=10.7, dec=41.2, alt=None, az=180.0)
        session.add_frame("main", image, info={"model": "x"}, settings={"gain": 3}, exposure_us=5, gain=3)
        session.add_frame("main", image + 1)
        session.add_original("dslr", b"raw bytes", file_name="a.nef")
        session.add_calibration("dark", image)
        session.add_calibration("plate_solve", {"ra": 1.0, "dec": 2.0})
        return sessions.end_session()


@pytest.mark.parametrize("storage", ["embedded", "external"])
@pytest.mark.parametrize("codec", ["blsc", "portable"])
def test_the_asdf_library_validates_what_the_store_writes(tmp_path, storage, codec):
    path = write_session(tmp_path, storage, codec)
    reading.register()
    with asdf.config_context() as config:
        config.validate_on_read = True
        with asdf.open(path, custom_schema=SESSION_SCHEMA) as af:
            af.validate()
    assert schema.deviations(tree.read_header(path)[0]) == []
    idle = [found for found in tmp_path.rglob("idle_*.asdf") if not verify(found).ok]
    assert not idle


@pytest.mark.parametrize(
    ("break_it", "place"),
    [
        (lambda found: found["meta"].update(session_type="party"), "meta/session_type"),
        (lambda found: found["meta"].pop("uuid"), "meta"),
        (lambda found: found["meta"].update(start_time="yesterday"), "meta/start_time"),
        (lambda found: found["meta"]["location"].update(lat=91), "meta/location"),
        (lambda found: found["observability"]["metrics"].update(errors=-1), "observability/metrics/errors"),
        (lambda found: found["observability"].update(logs=[{"message": "a row"}]), "observability/logs"),
        (lambda found: found["cameras"]["main"].pop("frame_table"), "cameras/main"),
        (
            lambda found: found["cameras"]["main"]["frames"][0].update(shape=[600]),
            "cameras/main/frames/0/shape",
        ),
        (lambda found: found["cameras"]["dslr"]["originals"].append(5), "cameras/dslr/originals/1"),
        (lambda found: found["telemetry"].update(temperature=[1, 2]), "telemetry/temperature"),
        (lambda found: found.pop("calibration"), "the tree"),
    ],
)
def test_a_deviation_is_named_with_its_place(tmp_path, break_it, place):
    found, _ = tree.read_header(write_session(tmp_path))
    break_it(found)
    sentences = schema.deviations(found)
    assert len(sentences) == 1 and sentences[0].startswith(f"{place}: "), sentences


def test_verify_tells_deviations(tmp_path):
    path = write_session(tmp_path)
    whole = path.read_bytes()
    path.write_bytes(whole.replace(b'session_type: "observation"', b'session_type: "observatory"', 1))
    assert any(problem.startswith("meta/session_type") for problem in verify(path).problems)


def test_a_session_that_deviates_is_written_all_the_same_and_said(tmp_path, caplog, monkeypatch):
    monkeypatch.setattr(schema, "deviations", lambda found: ["meta/target: wrong"])
    path = write_session(tmp_path)
    assert path.exists()
    assert "meta/target: wrong" in caplog.text


def test_a_row_has_every_column_of_the_document(tmp_path):
    with reading.open_session(write_session(tmp_path)) as af:
        logs = af["observability"]["logs"]
        assert list(logs[1]) == ["time", "level", "source", "message", "context"]
        assert logs[1]["context"] is None and logs[0]["context"] == {"step": 1}
        assert af["cameras"]["main"]["frame_table"][0]["filter"] is None
        assert af["telemetry"]["temperature"].column("value") == [-10.5, 4.0]
        with pytest.raises(KeyError):
            logs.column("nothing")


def test_a_session_in_astropys_types(tmp_path):
    with reading.open_session(write_session(tmp_path)) as session:
        found = session.to_astropy()
        assert found.target.ra.deg == 10.68 and found.target.dec.deg == 41.27
        assert abs(found.location.lat.deg - 46.9) < 1e-9 and abs(found.location.height.value - 540) < 1e-3
        assert found.end >= found.start
        temperature = found.telemetry["temperature"]
        assert temperature["value"].unit == "deg_C"
        assert temperature["value"][0].value == -10.5
        assert list(temperature["sensor"]) == ["ccd", "mount"]
        position = found.telemetry["mount_position"]
        assert position["ra"].unit == "deg" and position["az"][0].value == 180.0
        frames = found.frames["main"]
        assert frames["exposure_us"].unit == "us" and np.isnan(frames["exposure_us"][1])
        taken = session["cameras"]["main"]["frame_table"][0]["time"]
        assert abs(frames["time"][0].unix - taken.timestamp()) < 1e-6
        assert found.logs["context"][0] == {"step": 1} and found.logs["context"].mask[1]
        assert found.events["event"][0] == "cloud_detected"
