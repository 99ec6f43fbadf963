"""What the catalogue says of sessions, how it is kept up to date, and what it survives."""

import shutil
from datetime import UTC, datetime

import asdf
import polars as pl
import pytest
from catalogue_files import record, write_session
from hypothesis import given
from hypothesis import strategies as st

from sessions.catalogue import header
from sessions.catalogue.catalogue import SCHEMA, Catalogue, QueryError
from sessions.catalogue.header import read_row
from sessions.catalogue.ledger import Ledger
from sessions.catalogue.sync import fill_hashes, sync
from sessions.store import reading, verify, yamltext
from sessions.store.errors import DamagedFileError


@pytest.fixture
def root(tmp_path):
    record(tmp_path)
    return tmp_path


def rows(root) -> list[dict]:
    return Catalogue(root).scan().sort("start_time", "session_id").collect().to_dicts()


def compared(root) -> list[dict]:
    return [{k: v for k, v in row.items() if k != "catalogued_at"} for row in rows(root)]


def test_rows_say_what_the_files_say(root):
    sync(root)
    found = {row["session_id"].split("_2")[0]: row for row in rows(root)}
    assert set(found) == {"idle", "observation_m31", "observation_m33", "alignment"}
    row = found["observation_m31"]
    with reading.open_session(root / row["asdf_path"]) as af:
        meta, metrics = af["meta"], af["observability"]["metrics"]
        assert row["uuid"] == meta["uuid"]
        assert row["start_time"] == datetime.fromisoformat(meta["start_time"])
        assert row["event_count"] == len(af["observability"]["events"]) == 1
        assert row["bytes"] == metrics["bytes"] > 0
    assert (row["target"], row["ra_deg"], row["dec_deg"]) == ("M31", 10.68, 41.27)
    assert (row["lat"], row["lon"], row["alt"]) == (46.9, 7.4, 540)
    assert (row["cameras"], row["frames"], row["storage"], row["compression"]) == (
        "main,dslr",
        3,
        "embedded",
        "blsc",
    )
    assert (row["temp_min_c"], row["temp_mean_c"], row["temp_max_c"]) == (-10, -9.5, -9)
    assert '"model":"ASI482MC","frames":2' in row["captures"]
    assert (found["alignment"]["error_count"], found["alignment"]["purpose"]) == (1, "ra_dec_calibration")
    status = (root / row["asdf_path"]).stat()
    assert (row["file_size"], row["file_mtime_ns"]) == (status.st_size, status.st_mtime_ns)


def test_one_after_the_other_equals_rebuilt(root):
    sync(root)
    incremental = Catalogue(root)
    for number in range(30):
        incremental.append(write_session(root, number, target="über\n‘NGC’"))
    (root / rows(root)[3]["asdf_path"]).unlink()
    sync(root)
    before = compared(root)
    shutil.rmtree(root / "catalog.d")
    assert sync(root).read == len(before)
    assert compared(root) == before
    sync(root, again=True)
    assert compared(root) == before


def test_nothing_is_read_or_written_twice(root):
    assert sync(root).read == 4
    part = Catalogue(root).part(Catalogue(root).months()[0])
    before = part.stat(), (root / "catalog/catalog.parquet").stat()
    changes = sync(root)
    assert (changes.files, changes.read, changes.months) == (4, 0, [])
    assert (part.stat(), (root / "catalog/catalog.parquet").stat()) == before


def test_a_changed_file_is_read_again(root):
    path = write_session(root, 1)
    sync(root)
    path.write_bytes(path.read_bytes().replace(b'"M1"', b'"M99"'))
    changes = sync(root)
    assert changes.read == 1
    assert [row["target"] for row in rows(root) if row["uuid"].endswith("002")] == ["M99"]


@pytest.mark.parametrize("damage", [b"", b"PAR1 nothing PAR1", b"PAR1"])
def test_a_damaged_part_is_made_again(root, damage):
    sync(root)
    before = compared(root)
    Catalogue(root).part(Catalogue(root).months()[-1]).write_bytes(damage)
    sync(root)
    assert compared(root) == before


def test_the_whole_file_follows_a_lost_part_and_a_lost_whole(root):
    write_session(root, 5)
    sync(root)
    whole = root / "catalog/catalog.parquet"
    assert len(pl.read_parquet(whole)) == 5
    whole.unlink()
    sync(root)
    assert len(pl.read_parquet(whole)) == 5
    shutil.rmtree(root / "2026" / "03")
    changes = sync(root)
    assert changes.gone == 1
    assert len(pl.read_parquet(whole)) == 4
    assert pl.read_parquet(whole).schema == SCHEMA


def test_what_is_no_session_is_named_and_left_out(root):
    good = write_session(root, 1)
    (good.parent / "noise.asdf").write_bytes(b"\x00" * 5000)
    (good.parent / "cut.asdf").write_bytes(good.read_bytes()[:200])
    other = good.parent / "other.asdf"
    asdf.AsdfFile({"hello": 1}).write_to(other)
    (good.parent / "dir.asdf").mkdir()
    changes = sync(root)
    assert {path.rpartition("/")[2] for path in changes.problems} == {
        "noise.asdf",
        "cut.asdf",
        "other.asdf",
        "dir.asdf",
    }
    assert len(rows(root)) == 5
    assert sync(root).months == []


def test_a_session_of_another_writer_is_catalogued(tmp_path):
    """As document 002 lays it out, by the ASDF library: keys sorted, rows as lists."""
    meta = {
        "session_id": "obs_m31_20251214",
        "session_type": "observation",
        "uuid": "00000000-0000-4000-8000-000000000001",
        "schema_version": "1.0.0",
        "start_time": "2025-12-14T22:00:00Z",
        "end_time": "2025-12-14T23:45:00Z",
        "target": "M31",
        "location": {"lat": 45.5, "lon": -122.6, "alt": 100},
    }
    events = [{"time": "2025-12-14T22:10:00Z", "event": "cloud_detected", "details": {}}]
    metrics = {"frames_captured": 564, "errors": 3, "warnings": 12, "duration_seconds": 6300}
    tree = {"meta": meta, "observability": {"logs": [], "events": events, "metrics": metrics}, "cameras": {}}
    path = tmp_path / "2025/12/14/session_20251214_220000.asdf"
    path.parent.mkdir(parents=True)
    asdf.AsdfFile(tree).write_to(path)
    row = read_row(path, tmp_path)
    assert (row["target"], row["error_count"], row["event_count"], row["frames"]) == ("M31", 3, 1, 564)
    assert row["lon"] == -122.6


def test_a_copy_of_a_session_counts_once(root):
    path = write_session(root, 1)
    shutil.copy(path, path.with_name(path.stem + "_copy.asdf"))
    sync(root)
    found = [row["asdf_path"] for row in rows(root) if row["uuid"].endswith("0002")]
    assert found == [path.relative_to(root).as_posix()]
    assert sync(root).months == []


def test_decisions_reach_the_rows_and_outlive_the_catalogue(root):
    sync(root)
    first, second, *_ = rows(root)
    ledger = Ledger(root)
    ledger.protect(first["uuid"], True, "anna")
    ledger.archived(second["uuid"], "s3://nights/x.asdf", "ab")
    ledger.protect(second["uuid"], True, "anna")
    ledger.protect(second["uuid"], False, "anna")
    assert len(sync(root).months) == 1
    Catalogue(root).append(root / first["asdf_path"])
    assert [row["protected"] for row in rows(root)].count(True) == 1
    shutil.rmtree(root / "catalog.d")
    sync(root)
    found = {row["uuid"]: row for row in rows(root)}
    assert [row["protected"] for row in rows(root)].count(True) == 1
    assert found[first["uuid"]]["protected"]
    assert found[second["uuid"]]["archive_url"] == "s3://nights/x.asdf"
    assert found[second["uuid"]]["archived_at"].tzinfo is not None


def test_a_torn_line_of_the_ledger_costs_itself_only(root):
    ledger = Ledger(root)
    for number in range(3):
        ledger.protect(f"u{number}", True, "anna")
    path = root / "ledger" / "decisions.jsonl"
    path.write_bytes(path.read_bytes()[:-20])
    ledger.protect("u9", True, "anna")
    assert set(ledger.decisions()) == {"u0", "u1", "u9"}


def test_large_files_get_their_checksum_later(root, monkeypatch):
    monkeypatch.setattr("sessions.catalogue.header.HASH_LIMIT", 0)
    path = write_session(root, 1)
    row = read_row(path, root, hash_limit=0)
    assert row["sha256"] == ""
    sync(root, again=True)
    catalogue = Catalogue(root)
    with catalogue.lock():
        for month in catalogue.months():
            catalogue.write(month, catalogue.read(month).with_columns(sha256=pl.lit("")))
    assert fill_hashes(root, 60) == 5
    assert fill_hashes(root, 60) == 0
    import hashlib

    assert all(
        row["sha256"] == hashlib.sha256((root / row["asdf_path"]).read_bytes()).hexdigest()
        for row in rows(root)
    )


def test_queries_in_sql(root):
    sync(root)
    catalogue = Catalogue(root)
    found = catalogue.query(
        "SELECT target, COUNT(*) AS n FROM sessions WHERE frames > 0 GROUP BY target ORDER BY target"
    )
    assert found.to_dicts() == [{"target": "M31", "n": 1}, {"target": "M33", "n": 1}]
    for bad in (
        "SELECT nothing FROM sessions",
        "DROP everything",
        "DROP TABLE sessions",
        "DELETE FROM sessions",
        "CREATE TABLE other AS SELECT * FROM sessions",
        "SELECT * FROM read_csv('/etc/passwd')",
        "",
    ):
        with pytest.raises(QueryError):
            catalogue.query(bad)


def test_an_empty_folder_has_an_empty_catalogue(tmp_path):
    sync(tmp_path)
    assert rows(tmp_path) == []
    assert Catalogue(tmp_path).query("SELECT * FROM sessions").is_empty()


def test_many_files_by_several_processes(tmp_path, monkeypatch):
    monkeypatch.setattr("sessions.catalogue.sync.ALONE", 50)
    for number in range(600):
        write_session(tmp_path, number)
    seen = []
    changes = sync(tmp_path, workers=2, progress=lambda done, total: seen.append((done, total)))
    assert (changes.files, changes.read, seen[-1]) == (600, 600, (600, 600))
    assert len(rows(tmp_path)) == 600


def test_hostile_headers(tmp_path):
    """Nonsense of every kind ends in a sentence, never in a traceback or a wrong row."""
    good = write_session(tmp_path, 1).read_bytes()
    for number, (old, new) in enumerate(
        [
            (b'uuid: "', b'uuid: "x'),
            (b'start_time: "', b'start_time: "x'),
            (b'session_type: "observation"', b'session_type: "party"'),
            (b"errors: 0", b"errors: [1]"),
            (b"cameras: {}", b"cameras: {a: &a [*a]}"),
            (b"metrics: {", b"metrics: {? [1]: 2, "),
            (b'target: "M1"', b"target: !!python/object/apply:os.system [true]"),
        ]
    ):
        path = tmp_path / "2026/03/02" / f"hostile{number}.asdf"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(good.replace(old, new))
        try:
            row = read_row(path, tmp_path)
        except DamagedFileError:
            continue
        assert pl.DataFrame([row], schema={name: SCHEMA[name] for name in row}).height == 1
    sync(tmp_path)
    assert (tmp_path / "catalog/catalog.parquet").exists()


def test_real_sessions_verify(root):
    sync(root)
    assert all(verify.verify(root / row["asdf_path"]).ok for row in rows(root))
    assert all(row["catalogued_at"] <= datetime.now(UTC) for row in rows(root))


SCALARS = st.none() | st.booleans() | st.integers(-(2**62), 2**62) | st.floats() | st.text()
KEYS = st.sampled_from(["a", "cameras", "true", "x:y", 'quo"te', "null", "é", "sp ace"]) | st.text(min_size=1)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=6,
)


@given(
    target=VALUES,
    place=st.dictionaries(KEYS, SCALARS, min_size=1, max_size=3),
    metrics=st.dictionaries(KEYS, VALUES, max_size=4),
)
def test_the_quick_way_reads_what_yaml_reads(target, place, metrics):
    """Whatever the store may write: the quick reading is the same, or leaves it to YAML."""
    lines = [f"  target: {yamltext.flow(target)}".encode(), b"  location:"]
    lines += [f"    {yamltext.key(name)}: {yamltext.flow(value)}".encode() for name, value in place.items()]
    line = f"  metrics: {yamltext.flow(metrics)}".encode()
    quick = header._as_json(lines, line)
    slow = header._as_yaml(lines, line)
    assert quick is None or slow is None or repr(quick) == repr(slow)
