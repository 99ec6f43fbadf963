"""What the observatory does now, in a few words, from the states of its devices."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from skycam_project.common.link import Mirror, NotConnected


@dataclass(frozen=True, slots=True)
class Standing:
    """What beacons and scenes follow.

    Attributes:
        connected: a telescope is there.
        slewing, tracking, parked: of the telescope.
        capturing: a timelapse runs, or the telescope exposes.
        fault: which device is in trouble; empty when none is.
    """

    connected: bool = False
    slewing: bool = False
    tracking: bool = False
    parked: bool = False
    capturing: bool = False
    fault: str = ""


def standing(mirrors: Mapping[str, Mirror]) -> Standing:
    """The present one. A host that does not answer is a fault: nobody knows what its device does."""
    facts: dict[str, Any] = {}
    for name, mirror in mirrors.items():
        kind = name.partition("/")[0]
        if kind not in ("telescope", "camera"):
            continue
        try:
            state = mirror.state
        except NotConnected:
            facts["fault"] = facts.get("fault") or name
            continue
        facts |= (_telescope if kind == "telescope" else _camera)(name, state, facts)
    return Standing(**facts)


def _telescope(name: str, state: Mapping[str, Any], facts: Mapping[str, Any]) -> dict[str, Any]:
    mount, connection = state["mount"], state["connection"]
    held = any(clients["holding"] for clients in state["clients"].values())
    found: dict[str, Any] = {"connected": connection["connected"], "parked": bool(mount["parked"])}
    if connection["connected"]:
        found |= {"slewing": bool(mount["slewing"]), "tracking": bool(mount["tracking_active"])}
        if state["camera"]["phase"] != "idle":
            found["capturing"] = True
    elif held and connection["problem"]:
        found["fault"] = facts.get("fault") or name
    return found


def _camera(name: str, state: Mapping[str, Any], facts: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {"capturing": True} if state["capturing"] else {}
    if state["state"] == "fault":
        found["fault"] = facts.get("fault") or name
    return found
