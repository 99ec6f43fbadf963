"""The verbs of cameras for other apps and for tasks."""

import time
from pathlib import Path

from django.conf import settings

from skycam_project.common.units import Seconds

PREVIEWS_KEPT: Seconds = 3 * 86400.0
"""Age at which a preview goes; the frame itself stays in its session."""
MOST_PREVIEW_BYTES = 2_000_000_000


def prune_previews(folder: Path | None = None, now: Seconds | None = None) -> int:
    """Remove previews and thumbnails that are older than three days, then the oldest above 2 GB; how many went."""
    folder = folder or settings.DATA / "previews"
    now = time.time() if now is None else now  # the age of files is wall-clock time
    files = sorted((path.stat().st_mtime, path.stat().st_size, path) for path in folder.glob("*/*.jpg"))
    excess = sum(size for _, size, _ in files) - MOST_PREVIEW_BYTES
    gone = 0
    for changed, size, path in files:
        if changed > now - PREVIEWS_KEPT and excess <= 0:
            break
        path.unlink(missing_ok=True)
        excess -= size
        gone += 1
    return gone
