"""Capture nodes as the processing worker serves them: whom to visit now, and what a node of its own offers."""

import logging
import socket
from typing import Any

from django.conf import settings

from sessions.exchange.adoption import adopt
from skycam_project.events import publish
from timelapse import running
from timelapse.transfer import manifest, visits
from timelapse.transfer.errors import TransferError
from timelapse.transfer.node import Node

log = logging.getLogger(__name__)


def due() -> list[str]:
    """Ids of the nodes whose next visit is due."""
    return [node.id for node in visits.nodes(settings.CONFIG) if visits.read(node).due]


def visit(node_id: str) -> None:
    """Fetch what a node offers; how it went is kept and told to live pages."""
    for node in visits.nodes(settings.CONFIG):
        if node.id == node_id:
            try:
                state = visits.visit(
                    node, lambda path: adopt(path, settings.DATA / "sessions"), socket.gethostname(),
                    settings.CONFIG.timelapse_fetch_every, cancelled=running.stopping.is_set,
                )  # fmt: skip
            except TransferError as error:
                log.info("%s", error)  # somebody else visits it just now
                return
            if state.problem:  # once loudly: a node may be out of reach for weeks
                log.log(logging.WARNING if state.failures < 2 else logging.INFO, "%s", state.problem)
            publish({"type": "event", "event": "node", "data": row(node, state)})


def row(node: Node, state: visits.Visit) -> dict[str, Any]:
    """A node for people."""
    return {
        "node": node.id,
        "host": node.host,
        "offered": state.offered,
        "fetched": state.fetched,
        "bytes": state.bytes,
        "last_ok_at": state.last_ok_at or None,
        "next_at": state.next_at or None,
        "problem": state.problem or None,
    }


def rows() -> list[dict[str, Any]]:
    """Every node of the settings, and how its last visit went."""
    return [row(node, visits.read(node)) for node in visits.nodes(settings.CONFIG)]


def offer() -> None:
    """On a capture node: say what is finished, and believe receipts whose digests are those of our own files."""
    from sessions.catalogue.ledger import Ledger

    root = settings.DATA / "sessions"
    manifest.write_manifest(root)
    ledger = Ledger(root)
    known = ledger.decisions()
    for uuid, by in manifest.received(root, {uuid for uuid, found in known.items() if found.archived_at}):
        ledger.archived(uuid, f"skycam://{by}/{uuid}")
        log.info("session %s is safe on %s; retention may delete it here", uuid, by)
