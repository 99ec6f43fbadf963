"""What must be there before Skycam counts as ready, each with a reason when it is not."""

import shutil
import socket
from urllib.parse import urlsplit

from django.conf import settings
from django.db import DatabaseError, connection

from lighting.services import readiness as lights_readiness
from skycam_project.config.broker import broker_urls

REFUSE_BELOW = 0.02
"""Share of the disk that stays free: below it new frames are refused."""


def readiness() -> dict:
    """`ready`, document 004's keys, and `parts`: name to `{"ok", "reason"}`."""
    parts = {"database": _database(), "broker": _broker(), "disk": _disk(), **_hosts()}
    lights = lights_readiness()
    reason = lights.pop("reason")
    if settings.CONFIG.dmx_engine != "off":
        parts["lighting"] = _part(reason)
    return {"ready": all(part["ok"] for part in parts.values()), **lights, "parts": parts}


def _part(reason: str | None) -> dict:
    return {"ok": reason is None, "reason": reason}


def _database() -> dict:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError as error:
        return _part(f"the database does not answer: {error}")
    return _part(None)


def _broker() -> dict:
    parts = urlsplit(broker_urls(settings.CONFIG.redis_url, settings.RUN)[1])
    try:
        if parts.scheme == "unix":
            with socket.socket(socket.AF_UNIX) as probe:
                probe.settimeout(1)
                probe.connect(parts.path)
        else:
            socket.create_connection((parts.hostname, parts.port or 6379), timeout=1).close()
    except OSError as error:
        return _part(f"the broker does not answer: {error.strerror or error}; capture goes on without it")
    return _part(None)


def _disk() -> dict:
    usage = shutil.disk_usage(settings.DATA)
    if usage.free < usage.total * REFUSE_BELOW:
        return _part(f"only {usage.free / 1e9:.1f} GB free in {settings.DATA}: new frames are refused")
    return _part(None)


def _hosts() -> dict:
    from dashboard.mirrors import mirrors

    hosts = mirrors().items()
    return {
        device: _part(mirror.problem or None)
        for device, mirror in hosts
        if device not in ("up", "lighting", "observatory")
    }
