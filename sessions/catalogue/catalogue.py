"""The catalogue's files: a part per month, and the whole in one file. All writers hold one lock.

`catalog.d/year=YYYY/month=MM/part-0.parquet` are what is kept up to date; `catalog/catalog.parquet` is made
from them and is what document 002's queries read. The month is that of the session's folder.
"""

import io
import re
from contextlib import AbstractContextManager
from pathlib import Path

import polars as pl

from sessions.catalogue import Row
from sessions.catalogue.header import read_row
from sessions.catalogue.ledger import NOTHING, Ledger
from skycam_project.common.errors import SkycamError
from skycam_project.common.files import exclusive, fsync_folder, write_atomic

PARTS = "catalog.d"
WHOLE = "catalog/catalog.parquet"
PART = "part-0.parquet"
GROUP = 4096
"""Rows of a part that are skipped together: a part is sorted by type, so that a question about one type reads little."""
PAGE = 16384
"""Bytes of a column that are unpacked together: failed sessions stand first among their type, in a page or two."""
_TIME = pl.Datetime("us", "UTC")
SCHEMA = pl.Schema(
    {
        "session_id": pl.String,
        "uuid": pl.String,
        "session_type": pl.String,
        "instrument": pl.String,
        "start_time": _TIME,
        "end_time": _TIME,
        "status": pl.String,
        "target": pl.String,
        "purpose": pl.String,
        "ra_deg": pl.Float64,
        "dec_deg": pl.Float64,
        "lat": pl.Float64,
        "lon": pl.Float64,
        "alt": pl.Float64,
        "cameras": pl.String,
        "frames": pl.Int64,
        "frames_lost": pl.Int64,
        "error_count": pl.Int64,
        "warning_count": pl.Int64,
        "event_count": pl.Int64,
        "duration_s": pl.Float64,
        "bytes": pl.Int64,
        "temp_min_c": pl.Float64,
        "temp_mean_c": pl.Float64,
        "temp_max_c": pl.Float64,
        "storage": pl.String,
        "compression": pl.String,
        "asdf_path": pl.String,
        "file_size": pl.Int64,
        "file_mtime_ns": pl.Int64,
        "sha256": pl.String,
        "schema_version": pl.String,
        "merged": pl.Int64,
        "captures": pl.String,
        "catalogued_at": _TIME,
        "protected": pl.Boolean,
        "archived_at": _TIME,
        "archive_url": pl.String,
        "dropped_at": _TIME,
        "dropped_reason": pl.String,
    }
)
"""The columns: name to type. Times are UTC; `captures` is JSON, one object per camera."""


_QUESTION = re.compile(r"[\s(]*(select|with|show|explain|values)\b", re.IGNORECASE)


class QueryError(SkycamError):
    """A query cannot be understood."""

    code = "query"


class Catalogue:
    """The catalogue of one sessions' folder.

    Args:
        root: the sessions' folder.
    """

    def __init__(self, root: Path | str) -> None:
        self.root = Path(root).absolute()
        self.parts = self.root / PARTS
        self.whole = self.root / WHOLE

    # -- reading -----------------------------------------------------------------------------------------------

    def scan(self) -> pl.LazyFrame:
        """All sessions, with `year` and `month` beside the columns: filter on those to read fewer months."""
        if not any(self.parts.glob("year=*/month=*/*.parquet")):
            return pl.LazyFrame(schema=SCHEMA | {"year": pl.Int64, "month": pl.Int64})
        return pl.scan_parquet(self.parts / "**/*.parquet", hive_partitioning=True)

    def query(self, sql: str) -> pl.DataFrame:
        """The answer to one SQL question about the table `sessions`. Raises `QueryError`.

        Polars answers DELETE and DROP, too, as if they had done something; nothing but questions gets there.
        """
        if not _QUESTION.match(sql):
            raise QueryError("the catalogue can only be asked: begin with SELECT or WITH")
        try:
            with pl.SQLContext(sessions=self.scan(), eager=False) as context:
                return context.execute(sql, eager=True)
        except (pl.exceptions.PolarsError, ValueError) as error:
            raise QueryError(f"the query cannot be carried out: {str(error).splitlines()[0]}") from error

    def months(self) -> list[str]:
        """Months that have a part, `2026-11`, in order."""
        found = self.parts.glob(f"year=*/month=*/{PART}")
        return sorted(f"{path.parts[-3][5:]}-{path.parts[-2][6:]}" for path in found)

    def part(self, month: str) -> Path:
        """The file of a month."""
        year, number = month.split("-")
        return self.parts / f"year={year}" / f"month={number}" / PART

    def read(self, month: str) -> pl.DataFrame:
        """The rows of a month; none when its part is missing or damaged (it is then made again)."""
        try:
            frame = pl.read_parquet(self.part(month), hive_partitioning=False)
        except (OSError, pl.exceptions.PolarsError):
            return pl.DataFrame(schema=SCHEMA)
        return frame if frame.schema == SCHEMA else pl.DataFrame(schema=SCHEMA)

    def signature(self, month: str) -> str:
        """Changes with every new state of a month's part; empty when there is none."""
        try:
            found = self.part(month).stat()
        except OSError:
            return ""
        return f"{found.st_size}-{found.st_mtime_ns}-{found.st_ino}"

    # -- writing -----------------------------------------------------------------------------------------------

    def lock(self) -> AbstractContextManager[None]:
        """One writer at a time, over all processes; gone with the process that holds it."""
        return exclusive(self.parts / ".lock")

    def append(self, path: Path) -> Row:
        """Take up one session that has just been finished, without looking at the others or the whole file.

        Raises `DamagedFileError`, `OSError`.
        """
        row = read_row(path, self.root)
        row |= Ledger(self.root).decisions().get(row["uuid"], NOTHING).columns()
        month = "-".join(Path(row["asdf_path"]).parts[:2])
        with self.lock():
            others = self.read(month).filter(
                pl.col("asdf_path") != row["asdf_path"], pl.col("uuid") != row["uuid"]
            )
            self.write(month, others.vstack(pl.DataFrame([row], schema=SCHEMA)))
        return row

    def write(self, month: str, rows: pl.DataFrame) -> None:
        """Put the rows of a month on disk, old ones or new ones at any instant; the caller holds the lock."""
        path = self.part(month)
        if rows.is_empty():
            path.unlink(missing_ok=True)
            if path.parent.exists():
                fsync_folder(path.parent)
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        for stale in path.parent.glob("*.tmp"):
            stale.unlink()
        order = ("session_type", pl.col("error_count") == 0, "start_time", "asdf_path")
        write_atomic(path, _parquet(rows.sort(*order), GROUP, PAGE))

    def refresh_whole(self) -> bool:
        """Make the one file again when a part is newer; the caller holds the lock. Returns whether it was."""
        newest = max((self.part(month).stat().st_mtime_ns for month in self.months()), default=0)
        removed = max((folder.stat().st_mtime_ns for folder in self.parts.glob("year=*/month=*")), default=0)
        if self.whole.exists() and self.whole.stat().st_mtime_ns > max(newest, removed):
            return False
        self.whole.parent.mkdir(parents=True, exist_ok=True)
        for stale in self.whole.parent.glob("*.tmp"):
            stale.unlink()
        rows = self.scan().select(SCHEMA.names()).sort("start_time").collect()
        write_atomic(self.whole, _parquet(rows))
        return True


def _parquet(frame: pl.DataFrame, group: int | None = None, page: int | None = None) -> bytes:
    buffer = io.BytesIO()
    frame.write_parquet(
        buffer, compression="zstd", compression_level=3, row_group_size=group, data_page_size=page
    )
    return buffer.getvalue()
