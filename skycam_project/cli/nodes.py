"""`./skycam nodes list | fetch`: finished sessions from capture nodes."""

import socket
from dataclasses import asdict

import click

from skycam_project.cli.group import Options
from skycam_project.cli.output import as_json, output_option, table, wants_json
from skycam_project.common.errors import InvalidValueError, SkycamError


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
    from sessions.exchange.adoption import adopt
    from timelapse.transfer import visits

    settings = options.settings()
    known = {each.id: each for each in visits.nodes(settings)}
    if not known:
        raise SkycamError("There are no nodes in skycam.yaml; docs/jobs.md shows how to write one.")
    if node and node not in known:
        raise InvalidValueError("NODE", node, ", ".join(known))
    quiet = wants_json(options, output)

    def said(offer, number: int, of: int) -> None:
        if not quiet:
            click.echo(f"{number + 1} of {of}: {offer.session}, {offer.bytes / 1e6:.0f} MB", err=True)

    done = [
        visits.visit(
            each,
            lambda path: adopt(path, settings.data / "sessions"),
            socket.gethostname(),
            settings.timelapse_fetch_every,
            said,
        )
        for each in ([known[node]] if node else known.values())
    ]
    if quiet:
        as_json([asdict(visit) for visit in done])
    else:
        rows = [[visit.node, str(visit.offered), str(visit.fetched), visit.problem_code] for visit in done]
        table("Fetched", ["Node", "Offered", "Fetched in all", "Problem"], rows)
    if problems := [visit for visit in done if visit.problem]:
        raise SkycamError(" ".join(visit.problem for visit in problems), code=problems[0].problem_code)
