"""Light and exposures: who photographs now, and what may be lit meanwhile."""

import logging
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson

from lighting.engine.quick import replace_quickly
from lighting.engine.rig import Fixture
from lighting.errors import InterlockedError, InvalidError
from skycam_project.common.clock import iso_utc
from skycam_project.common.units import Seconds

log = logging.getLogger(__name__)

KINDS = ("light", "dark", "bias", "flat")
GRACE: Seconds = 10.0
"""A lease that nobody ends is over this long after its time: a crashed camera does not lock the lights."""
LONGEST: Seconds = 7200.0
OVERRIDE: Seconds = 300.0
"""How long a person's word stands above the interlock; it may be given again."""


@dataclass(slots=True)
class Lease:
    """One exposure.

    Attributes:
        begun, ends: wall-clock seconds, so that they mean the same after a restart.
        hits: what shone meanwhile and should not have: fixture to its record.
    """

    id: str
    kind: str
    begun: float
    ends: float
    hits: dict[str, dict[str, Any]] = field(default_factory=dict)


class Interlock:
    """The running leases and the rules that follow from them.

    Args:
        policy: `off`, `warn` or `enforce`.
        beacon_max: 0..255; beacons up to it stay on during a light exposure.
        path: where the leases survive a restart of the engine.
        tell: called with each event `light_during_exposure`.
        put: writes that file, now or soon.
    """

    def __init__(
        self, policy: str, beacon_max: int, path: Path, tell: Callable[[dict[str, Any]], None],
        now: Callable[[], float] = time.time, put: Callable[[Path, bytes], None] = replace_quickly,
    ) -> None:  # fmt: skip
        self.policy, self.beacon_max, self.path, self._tell, self._now = policy, beacon_max, path, tell, now
        self._put = put
        self.leases: dict[str, Lease] = {}
        self._override: tuple[str, float] | None = None
        self._load()

    # ---- leases

    def begin(self, exposure: object, kind: object, duration: object) -> Lease:
        """Open a lease, or renew the one of that id.

        Raises `InvalidError`: id of 1 to 128 characters, kind of `KINDS`, duration 0 to 7200 s.
        """
        if not isinstance(exposure, str) or not 1 <= len(exposure) <= 128:
            raise InvalidError("id: must be 1 to 128 characters")
        if kind not in KINDS:
            raise InvalidError(f"kind: must be one of {', '.join(KINDS)}")
        if (
            isinstance(duration, bool)
            or not isinstance(duration, int | float)
            or not 0 <= duration <= LONGEST
        ):
            raise InvalidError(f"duration_s: must be a number from 0 to {LONGEST:g}")
        now = self._now()
        lease = self.leases[exposure] = Lease(exposure, str(kind), now, now + duration)
        self._save()
        return lease

    def end(self, exposure: str) -> list[dict[str, Any]]:
        """Close a lease; what shone during it. An unknown one is no fault: it may have ended by itself."""
        lease = self.leases.pop(exposure, None)
        if lease is None:
            return []
        self._close(lease)
        return list(lease.hits.values())

    def expire(self) -> bool:
        """Close leases whose time is over; whether there were any."""
        late = [lease for lease in self.leases.values() if self._now() > lease.ends + GRACE]
        for lease in late:
            log.warning("exposure %s was never ended; its lease is over", lease.id)
            del self.leases[lease.id]
            self._close(lease)
        return bool(late)

    def _close(self, lease: Lease) -> None:
        for hit in lease.hits.values():
            if hit["to"] is None:
                hit["to"] = self._time()
                self._tell(hit)
        self._save()

    # ---- a person's word

    @property
    def override(self) -> str | None:
        """Why a person lets light through now, and who; `None` when nobody does."""
        if self._override and self._now() < self._override[1]:
            return self._override[0]
        return None

    def set_override(self, reason: object, by: str) -> None:
        """Let light through for five minutes. Raises `InvalidError`: a reason of 1 to 200 characters."""
        if not isinstance(reason, str) or not 1 <= len(reason.strip()) <= 200:
            raise InvalidError(
                "reason: must be 1 to 200 characters; it is kept with each frame that it spoils"
            )
        self._override = f"{reason.strip()} ({by})", self._now() + OVERRIDE
        log.warning("interlock_overridden", extra={"reason": self._override[0]})

    def end_override(self) -> None:
        """Take the word back."""
        self._override = None

    # ---- rules

    @property
    def enforced(self) -> bool:
        """Whether light is held back now."""
        return self.policy == "enforce" and bool(self.leases) and self.override is None

    def tolerates(self, fixture: Fixture, level: int) -> bool:
        """Whether a fixture at `level` (0..65535) disturbs none of the running exposures."""
        return level == 0 or all(
            _tolerates(lease.kind, fixture, level, self.beacon_max) for lease in self.leases.values()
        )

    def allows(self, fixture: Fixture, level: int) -> bool:
        """Whether a fixture may shine at `level` now."""
        return not self.enforced or self.tolerates(fixture, level)

    def check(self, fixture: Fixture, level: int) -> None:
        """Raise `InterlockedError` naming the exposure when a fixture may not shine at `level`."""
        if not self.allows(fixture, level):
            lease = max(self.leases.values(), key=lambda lease: lease.ends)
            left = max(0, round(lease.ends - self._now()))
            raise InterlockedError(
                f"{lease.id} is exposing ({lease.kind}), {left} s left; light is possible afterwards"
            )

    def look(self, levels: list[tuple[Fixture, int, tuple[int, int, int]]]) -> None:
        """Note which fixtures disturb an exposure now; to be called after every change of light or leases."""
        if self.policy == "off":
            return
        for lease in self.leases.values():
            for fixture, level, colour in levels:
                hit = lease.hits.get(fixture.name)
                if level and not _tolerates(lease.kind, fixture, level, self.beacon_max):
                    if hit is None:
                        lease.hits[fixture.name] = hit = self._hit(lease, fixture, colour)
                        self._tell(hit)
                    hit["to"] = None
                    hit["colour"] = max(hit["colour"], list(colour), key=sum)
                    hit["override"] = hit["override"] or self.override
                elif hit and hit["to"] is None:
                    hit["to"] = self._time()

    def _hit(self, lease: Lease, fixture: Fixture, colour: tuple[int, int, int]) -> dict[str, Any]:
        return {
            "event": "light_during_exposure", "exposure": lease.id, "kind": lease.kind, "fixture": fixture.name,
            "colour": list(colour), "from": self._time(), "to": None, "override": self.override,
        }  # fmt: skip

    def shown(self) -> dict[str, Any]:
        """For people."""
        leases = [
            {"id": lease.id, "kind": lease.kind, "ends_at": _iso(lease.ends)}
            for lease in self.leases.values()
        ]
        ends = _iso(self._override[1]) if self._override and self.override else None
        return {
            "policy": self.policy,
            "enforced": self.enforced,
            "override": self.override,
            "override_ends_at": ends,
            "leases": leases,
        }

    # ---- the file

    def _load(self) -> None:
        try:
            rows = orjson.loads(self.path.read_bytes())
            self.leases = {row["id"]: Lease(**row) for row in rows}
        except FileNotFoundError:
            return
        except (OSError, ValueError, TypeError, KeyError) as error:
            log.warning("%s cannot be used (%s); no exposure is known", self.path, error)
        self.expire()

    def _save(self) -> None:
        self._put(self.path, orjson.dumps([asdict(lease) for lease in self.leases.values()]))

    def _time(self) -> str:
        return _iso(self._now())


def _iso(seconds: float) -> str:
    return iso_utc(datetime.fromtimestamp(seconds, UTC))


def _tolerates(kind: str, fixture: Fixture, level: int, beacon_max: int) -> bool:
    if kind == "light":
        return fixture.role == "beacon" and level <= beacon_max * 257
    return kind == "flat" and fixture.role == "flat-panel"
