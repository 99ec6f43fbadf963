"""Visits to the capture nodes: when the next one is due, and how the last one went. Files, so that any process knows."""

import errno
import logging
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import orjson

from skycam_project.common.clock import iso_utc
from skycam_project.common.files import write_atomic
from skycam_project.common.units import Seconds
from timelapse.transfer import fetch
from timelapse.transfer.arriving import Moved
from timelapse.transfer.errors import FullError, TransferError
from timelapse.transfer.node import Node, pause

if TYPE_CHECKING:
    from skycam_project.config import Configuration

log = logging.getLogger(__name__)

KEY = "ssh/id_ed25519"


@dataclass(slots=True)
class Visit:
    """How a node stands.

    Attributes:
        node: its id.
        failures: visits in a row that went wrong.
        problem: why the last one did; empty when it went well.
        problem_code: a word for it.
        next_at: when the next one is due, ISO 8601 UTC; empty: now.
        last_ok_at: when one last went well; empty: never.
        offered: sessions that the node had then.
        fetched: sessions that came over in all visits.
        bytes: their size.
    """

    node: str
    failures: int = 0
    problem: str = ""
    problem_code: str = ""
    next_at: str = ""
    last_ok_at: str = ""
    offered: int = 0
    fetched: int = 0
    bytes: int = 0

    @property
    def due(self) -> bool:
        """Whether it is time."""
        return not self.next_at or datetime.fromisoformat(self.next_at) <= datetime.now(UTC)


def nodes(config: "Configuration") -> list[Node]:
    """The nodes of the settings."""
    return [
        Node(
            id=entry.id, host=entry.host, user=entry.user, port=entry.port, data=str(entry.data),
            identity=config.resolve(entry.identity or Path(KEY)), host_key=entry.host_key or "",
            folder=config.data / "state" / "nodes" / entry.id, method=entry.method,
        )
        for entry in config.nodes
    ]  # fmt: skip


def read(node: Node) -> Visit:
    """How the last visit went."""
    try:
        return Visit(**orjson.loads((node.folder / "visit.json").read_bytes()))
    except (OSError, ValueError, TypeError):
        return Visit(node.id)


def visit(
    node: Node, adopt: fetch.Adopt, by: str, every: Seconds, said: fetch.Said = lambda *_: None,
    cancelled: Callable[[], bool] = lambda: False, moved: Moved = lambda done, total: None,
) -> Visit:  # fmt: skip
    """Fetch what a node offers and remember how it went.

    After a failure the next visit is due after 5 s, 10 s … 10 min, with chance in it, so that many nodes behind one
    dead link do not come back together. Raises `TransferError` when somebody else visits it just now; any other
    failure is in the result, which a full disk does not keep for later.
    """
    state, result = read(node), fetch.Fetched()
    now = datetime.now(UTC)
    try:
        fetch.fetch(node, adopt, by, said, cancelled, result, moved)
    except (TransferError, OSError) as caught:
        error = caught if isinstance(caught, TransferError) else _ours(node, caught)
        if error.code == "busy":
            raise
        state.failures += 1
        state.problem, state.problem_code = str(error), error.code
        state.next_at = iso_utc(now + timedelta(seconds=pause(state.failures)))
    else:
        state.failures, state.last_ok_at = 0, iso_utc(now)
        state.problem, state.problem_code = " ".join(result.problems), "digest" if result.problems else ""
        state.offered = result.offered
        state.next_at = iso_utc(now + timedelta(seconds=every))
    state.fetched += len(result.adopted)
    state.bytes += result.bytes
    try:
        write_atomic(node.folder / "visit.json", orjson.dumps(asdict(state)))
    except OSError as error:
        log.error("how the visit of node %s went cannot be kept: %s", node.id, error)
    return state


def _ours(node: Node, error: OSError) -> TransferError:
    """What went wrong with files on this side."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return FullError(f"{node.id}: the disk of {node.folder} became full; what came before is kept.")
    text = f"{node.id}: {error.filename or node.folder} here: {error.strerror or error}; what came before is kept."
    return TransferError(text, code="io")
