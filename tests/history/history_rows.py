"""Rows of the database for finished sessions, as a process of its own: `python history_rows.py` fills the data folder's."""

from pathlib import Path


def mirror(root: Path) -> None:
    """Bring every finished session below `root` into the database."""
    from datetime import UTC, datetime

    from sessions.models import Capture, Session
    from sessions.store.tree import read_header

    for path in sorted(root.glob("*/*/*/*.asdf")):
        tree = read_header(path)[0]
        meta, metrics = tree["meta"], tree["observability"]["metrics"]
        cameras = tree.get("cameras") or {}
        stat = path.stat()
        row, _ = Session.objects.update_or_create(
            uuid=meta["uuid"],
            defaults={
                "session_id": meta["session_id"], "session_type": meta["session_type"], "instrument": meta["instrument"],
                "start_time": meta["start_time"], "end_time": meta["end_time"], "status": meta["status"],
                "target": meta.get("target"), "purpose": meta.get("purpose"), "cameras": ",".join(cameras),
                "frames": metrics["frames_captured"], "error_count": metrics["errors"], "warning_count": metrics["warnings"],
                "event_count": 2, "duration_s": metrics["duration_seconds"], "bytes": metrics["bytes"], "storage": "embedded",
                "asdf_path": str(path.relative_to(root)), "file_size": stat.st_size, "file_mtime_ns": stat.st_mtime_ns,
                "schema_version": meta["schema_version"], "catalogued_at": datetime.now(UTC),
            },
        )  # fmt: skip
        for name, camera in cameras.items():
            model = (camera.get("info") or {}).get("model", "")
            Capture.objects.update_or_create(session=row, camera=name, defaults={"model": model, "frames": 1})


if __name__ == "__main__":
    import django

    django.setup()
    from django.conf import settings

    mirror(settings.DATA / "sessions")
