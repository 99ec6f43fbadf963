"""What hangs where and which mode is on, over restarts."""

import logging
from pathlib import Path

import orjson

from lighting.engine.rig import MODES, Fixture, Rig, parse_patch

log = logging.getLogger(__name__)


def load(path: Path, rig: Rig) -> tuple[str, str]:
    """Patch a rig as it was; the mode and who chose it. Without a file, or with a broken one, `main` alone."""
    try:
        kept = orjson.loads(path.read_bytes())
        fixtures, master = parse_patch(kept["fixtures"]), int(kept["master"])
        mode, by = str(kept["mode"]), str(kept["modeBy"])
        numbered = [str(name) for name in kept.get("numbered", [])]
        if mode not in MODES or not 0 <= master <= 255:
            raise ValueError("a value is out of its range")
    except FileNotFoundError:
        return "normal", "init"
    except (OSError, ValueError, KeyError, TypeError) as error:
        log.error("%s cannot be used (%s); starting with the fixture main alone", path, error)
        return "normal", "init"
    rig.numbered = numbered
    rig.patch(fixtures)
    rig.master = master
    return mode, by


def content(rig: Rig, mode: str, by: str) -> bytes:
    """What the file shall hold."""
    fixtures = [
        {name: getattr(fixture, name) for name in Fixture.__slots__} for fixture in rig.fixtures.values()
    ]
    return orjson.dumps(
        {"fixtures": fixtures, "numbered": rig.numbered, "master": rig.master, "mode": mode, "modeBy": by}
    )
