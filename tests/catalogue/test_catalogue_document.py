"""Document 002's snippets, as they are printed, in the folder of real sessions."""

import ast
import sqlite3
from pathlib import Path

import asdf
import duckdb
import pytest
from catalogue_files import record

from sessions.catalogue.catalogue import Catalogue
from sessions.catalogue.sync import sync
from sessions.store import reading

POLARS = """
import polars as pl

# Build catalog from ASDF files
def build_catalog(data_dir: Path) -> pl.DataFrame:
    records = []
    for asdf_path in data_dir.glob("**/*.asdf"):
        with asdf.open(asdf_path) as af:
            records.append({
                "session_id": af["meta"]["session_id"],
                "session_type": af["meta"]["session_type"],
                "start_time": af["meta"]["start_time"],
                "target": af["meta"].get("target"),
                "error_count": af["observability"]["metrics"]["errors"],
                "asdf_path": str(asdf_path),
            })
    return pl.DataFrame(records)

# Query: "Find all failed alignment sessions"
catalog = pl.scan_parquet("catalog/*.parquet")
failed = catalog.filter(
    (pl.col("session_type") == "alignment") &
    (pl.col("error_count") > 0)
).collect()

# Open specific ASDF files for details
for row in failed.iter_rows(named=True):
    with asdf.open(row["asdf_path"]) as af:
        print(af["observability"]["logs"])
"""

SQLITE = '''
import sqlite3

def build_index(data_dir: Path, db_path: Path):
    conn = sqlite3.connect(db_path)
    conn.execute("""
        CREATE TABLE IF NOT EXISTS sessions (
            session_id TEXT PRIMARY KEY,
            session_type TEXT,
            start_time TEXT,
            target TEXT,
            error_count INTEGER,
            asdf_path TEXT
        )
    """)
    # ... populate from ASDF files
'''

DUCKDB = '''
import duckdb

# Query Parquet files with SQL
result = duckdb.sql("""
    SELECT session_id, target, error_count, asdf_path
    FROM 'catalog/*.parquet'
    WHERE session_type = 'observation'
      AND target LIKE 'M%'
    ORDER BY start_time DESC
    LIMIT 10
""").fetchall()
'''


@pytest.fixture
def root(tmp_path, monkeypatch):
    record(tmp_path)
    sync(tmp_path)
    reading.register()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(text: str) -> dict:
    names = {"Path": Path, "asdf": asdf}
    exec(compile(ast.parse(text), "002", "exec"), names)
    return names


def test_polars(root, capsys):
    names = run(POLARS)
    assert names["failed"]["purpose"].to_list() == ["ra_dec_calibration"]
    assert "LogTable(1 rows" in capsys.readouterr().out
    built = names["build_catalog"](root)
    ours = names["catalog"].collect()
    key = ["session_id", "session_type", "target", "error_count"]
    assert built.select(key).sort("session_id").equals(ours.select(key).sort("session_id"), null_equal=True)


def test_sqlite(root, tmp_path):
    """The index is made, and our rows go into it as they are."""
    run(SQLITE)["build_index"](root, tmp_path / "index.db")
    rows = Catalogue(root).query(
        "SELECT session_id, session_type, CAST(start_time AS VARCHAR), target, error_count, asdf_path FROM sessions"
    )
    with sqlite3.connect(tmp_path / "index.db") as connection:
        connection.executemany("INSERT INTO sessions VALUES (?, ?, ?, ?, ?, ?)", rows.rows())
        found = connection.execute("SELECT COUNT(*) FROM sessions WHERE error_count > 0").fetchone()
    connection.close()
    assert found == (1,)


def test_duckdb(root):
    found = run(DUCKDB)["result"]
    assert [(target, errors) for _, target, errors, _ in found] == [("M33", 0), ("M31", 0)]
    assert all((root / path).exists() for *_, path in found)


def test_duckdb_reads_the_monthly_parts_too(root):
    sql = f"SELECT session_type, COUNT(*) FROM read_parquet('{root}/catalog.d/**/*.parquet', hive_partitioning=true) WHERE year >= 2020 GROUP BY 1 ORDER BY 1"
    assert duckdb.sql(sql).fetchall() == [("alignment", 1), ("idle", 1), ("observation", 2)]
