"""Sessions to catalogue: real ones by the store, and many small ones that look like them."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import numpy as np
import orjson

from sessions.catalogue.catalogue import Catalogue
from sessions.catalogue.sync import sync
from sessions.mirror import write_month
from sessions.store import blocks
from sessions.store.manager import SessionManager


def record(root: Path) -> None:
    """Two observations with frames, a failed alignment, idle; finished."""
    with SessionManager(root, {"lat": 46.9, "lon": 7.4, "alt": 540}) as sessions:
        sessions.log("INFO", "hello")
        for target in ("M31", "M33"):
            coordinates = {"ra": 10.68, "dec": 41.27, "frame": "icrs"}
            session = sessions.start_session("observation", target=target, target_coords=coordinates)
            for number in range(2):
                frame = np.full((24, 32), number, np.uint16)
                session.add_frame("main", frame, info={"model": "ASI482MC"}, exposure_us=312_000, gain=200)
            session.add_original("dslr", b"\xff\xd8 a photo", file_name="x.jpg")
            for value in (-10.0, -9.0, "warm"):
                session.add_telemetry("temperature", sensor="ccd", value=value)
            session.add_event("tracking_lost")
        sessions.start_session("alignment", purpose="ra_dec_calibration")
        sessions.log("ERROR", "no stars")


def write_session(root: Path, number: int, start: datetime | None = None, **meta: object) -> Path:
    """One small finished session, as the store lays it out; the same number gives the same bytes."""
    start = start or datetime(2026, 3, 1, tzinfo=UTC) + timedelta(minutes=10 * number)
    kind = meta.pop("session_type", "observation" if number % 3 else "idle")
    name = f"{kind}_{start:%Y%m%d_%H%M%S}_{number}"
    warnings = meta.pop("warnings", 0)
    said = {
        "schema_version": "1.0.0",
        "session_id": name,
        "uuid": str(UUID(int=number + 1)),
        "session_type": kind,
        "instrument": "default",
        "start_time": start.isoformat().replace("+00:00", "Z"),
        "end_time": (start + timedelta(minutes=9)).isoformat().replace("+00:00", "Z"),
        "status": "complete",
        "target": f"M{number % 100}",
    } | meta
    lines = [f'  {key}: "{value}"' for key, value in said.items()]
    metrics = (
        f"{{frames_captured: 0, errors: {number % 7 == 0:d}, warnings: {warnings}, duration_seconds: 540.0, "
        "frames_lost: 0, journal_bad_lines: 0, bytes: 0, events: 1, temperature_c: null, cameras: {}, "
        'storage: "none", compression: "blsc"}'
    )
    text = "\n".join(
        [
            "#ASDF 1.0.0\n#ASDF_STANDARD 1.6.0\n%YAML 1.1\n%TAG ! tag:stsci.edu:asdf/\n--- !core/asdf-1.1.0",
            "meta:",
            *lines,
            '  software:\n  - {name: "skycam", version: "0.1.0"}',
            "observability:",
            f"  metrics: {metrics}",
            "  logs: {n: 0, columns: {}}",
            "  events: {n: 0, columns: {}}",
            "cameras: {}\ntelemetry: {}\ncalibration: {}\n...\n",
        ]
    )
    path = root / start.strftime("%Y/%m/%d") / f"{name}.asdf"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode() + blocks.pack_index([]))
    return path


def mirror_here(root: Path) -> None:
    """What a mirror's sweep does, without its process."""
    sync(root)
    catalogue = Catalogue(root)
    for month in catalogue.months():
        rows = [orjson.loads(orjson.dumps(row)) for row in catalogue.read(month).iter_rows(named=True)]
        write_month(month, catalogue.signature(month), rows)
