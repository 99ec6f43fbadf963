"""`./skycam nodes list | fetch`: finished sessions from capture nodes."""

import socket
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from skycam_project.cli.group import Options
from skycam_project.cli.output import as_json, asked_to_stop, output_option, progress_bar, table, wants_json
from skycam_project.common.errors import InvalidValueError, SkycamError

if TYPE_CHECKING:
    from skycam_project.config import Configuration
    from timelapse.transfer.manifest import Offer
    from timelapse.transfer.node import Node
    from timelapse.transfer.visits import Visit


@click.group()
def nodes() -> None:
    """Capture nodes: other machines whose finished sessions come here."""


@nodes.command("list")
@output_option
@click.pass_obj
def list_nodes(options: Options, output: str | None) -> None:
    """Show the nodes of skycam.yaml and how the last visit went."""
    from timelapse.transfer import visits

    known = [(node, visits.read(node)) for node in visits.nodes(options.settings())]
    if wants_json(options, output):
        as_json([asdict(visit) | {"host": node.host, "port": node.port} for node, visit in known])
        return
    rows = [
        [
            node.id,
            f"{node.user}@{node.host}:{node.port}",
            visit.last_ok_at or "never",
            str(visit.fetched),
            visit.problem,
        ]
        for node, visit in known
    ]
    table("Capture nodes", ["Node", "Address", "Last good visit", "Sessions", "Problem"], rows)


@nodes.command()
@click.argument("node", required=False)
@output_option
@click.pass_obj
def fetch(options: Options, node: str | None, output: str | None) -> None:
    """Fetch now from NODE, or from every node. Fails when one of them could not be visited."""
    from timelapse.transfer import visits

    settings = options.settings()
    known = {each.id: each for each in visits.nodes(settings)}
    if not known:
        raise SkycamError("There are no nodes in skycam.yaml; docs/jobs.md shows how to write one.")
    if node and node not in known:
        raise InvalidValueError("NODE", node, ", ".join(known))
    quiet = wants_json(options, output)
    kept = "What came is kept; the same command goes on there."
    with asked_to_stop(kept) as stop:
        done = [
            _fetch(each, settings, stop, quiet)
            for each in ([known[node]] if node else known.values())
            if not stop()
        ]
        if quiet:
            as_json([asdict(visit) for visit in done])
        else:
            rows = [[one.node, str(one.offered), str(one.fetched), one.problem_code] for one in done]
            table("Fetched", ["Node", "Offered", "Fetched in all", "Problem"], rows)
        if problems := [visit for visit in done if visit.problem]:
            raise SkycamError(" ".join(visit.problem for visit in problems), code=problems[0].problem_code)


def _fetch(node: "Node", settings: "Configuration", stop: Callable[[], bool], quiet: bool) -> "Visit":
    """One node, with a bar for each session."""
    from sessions.exchange.adoption import adopt
    from timelapse.transfer import visits

    with ExitStack() as bar:
        show: Callable[[int, int], None] | None = None

        def said(offer: "Offer", number: int, of: int) -> None:
            nonlocal show
            bar.close()
            if not quiet:
                click.echo(f"{number + 1} of {of}: {offer.session}, {offer.bytes / 1e6:.1f} MB", err=True)
            show = bar.enter_context(progress_bar(node.id, not quiet, sizes=True))

        def moved(done: int, total: int) -> None:
            if show:
                show(done, total)

        ours, every = settings.data / "sessions", settings.timelapse_fetch_every
        return visits.visit(
            node, lambda path: adopt(path, ours), socket.gethostname(), every, said, stop, moved
        )
