"""Older files read as the newest, newer ones show their meta only; migrating writes a new file beside."""

import warnings
from datetime import UTC, datetime

import asdf
import numpy as np
import pytest

from reader.skycam_reader.extension import SESSION_SCHEMA
from sessions.store import migrations, reading, schema, tree
from sessions.store.errors import StoreError
from sessions.store.reading import NewerSchemaWarning, open_session
from sessions.store.verify import verify


@pytest.fixture
def document_file(tmp_path):
    """A file as document 002 draws it: rows as mappings, frames in a list, schema 0.9."""
    start = "2025-12-14T22:00:00Z"
    frames = [np.full((6, 8), number, np.uint16) for number in range(3)]
    content = {
        "meta": {
            "schema_version": "0.9.0",
            "session_type": "observation",
            "session_id": "obs_m31_20251214",
            "start_time": start,
            "end_time": datetime(2025, 12, 14, 23, 45, tzinfo=UTC).isoformat(),
            "target": "M31",
            "location": {"lat": 45.5, "lon": -122.6, "alt": 100},
        },
        "cameras": {
            "main": {
                "info": {"model": "ASI482MC", "sensor_size": [11.13, 6.26]},
                "settings": {"gain": 200, "exposure_us": 312000},
                "frames": frames,
            }
        },
        "telemetry": {
            "mount_position": [{"time": start, "ra": 10.0, "dec": 41.0, "alt": 60.0, "az": 120.0}],
            "temperature": [
                {"time": start, "sensor": "ccd", "value": -10},
                {"time": "2025-12-14T22:01:00Z", "sensor": "ccd", "value": -10.5},
            ],
        },
        "calibration": {
            "dark_frames": [frames[0]],
            "plate_solve_results": [{"ra": 10.68, "dec": 41.27, "rotation": 1.5, "scale": 2.1}],
        },
        "observability": {
            "logs": [
                {"time": start, "level": "INFO", "source": "main", "message": f"row {n}", "context": {"n": n}}
                for n in range(4)
            ]
            + [{"time": start, "level": "WARN", "source": "main", "message": "clouds", "context": None}],
            "metrics": {"frames_captured": 3, "errors": 0, "warnings": 1, "duration_seconds": 6300},
            "events": [{"time": start, "event": "tracking_lost", "details": {"reason": "wind"}}],
        },
    }
    path = tmp_path / "obs_m31_20251214.asdf"
    asdf.AsdfFile(content).write_to(path, all_array_compression="zlib")
    return path


def check_content(af):
    assert af["meta"]["schema_version"] == "1.0.0"
    assert (af["meta"]["session_id"], af["meta"]["target"]) == ("obs_m31_20251214", "M31")
    assert af["meta"]["end_time"] == "2025-12-14T23:45:00.000000Z"
    logs = af["observability"]["logs"]
    assert logs[3]["message"] == "row 3" and logs[3]["context"] == {"n": 3}
    assert logs[3]["time"] == datetime(2025, 12, 14, 22, tzinfo=UTC)
    assert logs.column("level") == ["INFO"] * 4 + ["WARNING"]
    assert af["observability"]["metrics"]["warnings"] == 1
    assert af["observability"]["events"][0]["details"] == {"reason": "wind"}
    assert af["telemetry"]["temperature"].column("value") == [-10.0, -10.5]
    assert af["telemetry"]["temperature"].units["value"] == "degC"
    assert af["telemetry"]["mount_position"][0]["az"] == 120.0
    assert [int(np.array(frame)[0, 0]) for frame in af["cameras"]["main"]["frames"]] == [0, 1, 2]
    row = af["cameras"]["main"]["frame_table"][1]
    assert (row["position"], row["exposure_us"], row["gain"], row["time"]) == (1, 312000, 200.0, None)
    assert af["calibration"]["plate_solve_results"][0]["ra"] == 10.68


def test_an_old_file_reads_as_the_newest_and_stays_as_it_is(document_file):
    before = document_file.read_bytes()
    with open_session(document_file) as af:
        check_content(af)
        assert [int(frame[0, 0]) for frame in af.frames("main")] == [0, 1, 2]
    assert document_file.read_bytes() == before


def test_a_file_without_a_version_is_the_documents(document_file):
    text = document_file.read_bytes().replace(b"schema_version: 0.9.0", b"schema_wersion: 0.9.0")
    document_file.write_bytes(text)
    with open_session(document_file) as af:
        check_content(af)


def test_migrating_writes_a_whole_new_file_beside_the_old_one(document_file):
    before = document_file.read_bytes()
    made = reading.migrate(document_file)
    assert made.parent == document_file.parent and made != document_file
    assert document_file.read_bytes() == before
    with open_session(made, validate_checksums=True, custom_schema=SESSION_SCHEMA) as af:
        check_content(af)
        af.validate()
        assert any("migrated" in entry["description"] for entry in af.get_history_entries())
    assert schema.deviations(tree.read_header(made)[0]) == []
    assert b"zlib" in made.read_bytes()
    assert verify(made).ok, verify(made).problems
    with pytest.raises(StoreError, match="there already"):
        reading.migrate(document_file)
    with pytest.raises(StoreError, match="nothing to migrate"):
        reading.migrate(made)
    assert not list(made.parent.glob("*.tmp"))


def test_of_a_newer_major_version_only_meta_is_shown(document_file):
    document_file.write_bytes(
        document_file.read_bytes().replace(b"schema_version: 0.9.0", b"schema_version: 2.0.0")
    )
    with pytest.warns(NewerSchemaWarning, match=r"2\.0\.0"), open_session(document_file) as af:
        assert af["meta"]["target"] == "M31"
        assert "observability" not in af
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pytest.raises(StoreError, match="nothing to migrate"):
            reading.migrate(document_file)


def test_a_newer_minor_version_reads(document_file):
    made = reading.migrate(document_file)
    made.write_bytes(made.read_bytes().replace(b"schema_version: 1.0.0", b"schema_version: 1.7.0"))
    with open_session(made) as af:
        assert len(af["observability"]["logs"]) == 5


def test_what_is_no_session_says_so(tmp_path):
    asdf.AsdfFile({"data": 1}).write_to(tmp_path / "x.asdf")
    with pytest.raises(StoreError, match="no session"):
        open_session(tmp_path / "x.asdf")
    with pytest.raises(StoreError, match="no version"):
        migrations.major({"meta": {"schema_version": "new"}})
