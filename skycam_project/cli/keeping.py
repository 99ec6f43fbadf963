"""`./skycam sessions protect | unprotect | retention`: what is kept, what goes."""

import getpass
from datetime import UTC, datetime, timedelta
from typing import Any

import click

from skycam_project.cli.catalogue import catalogue_of, sessions_root, size
from skycam_project.cli.group import Options
from skycam_project.cli.output import as_json, output_option, table, wants_json


def _protect(options: Options, names: tuple[str, ...], protected: bool, output: str | None) -> None:
    from sessions.catalogue.ledger import Ledger
    from sessions.catalogue.queries import find
    from sessions.catalogue.sync import sync

    catalogue = catalogue_of(options)
    rows = [find(catalogue, name) for name in names]
    for row in rows:
        Ledger(catalogue.root).protect(row["uuid"], protected, f"command line ({getpass.getuser()})")
    sync(catalogue.root, {"-".join(row["asdf_path"].split("/")[:2]) for row in rows})
    if wants_json(options, output):
        as_json(
            [{"session_id": row["session_id"], "uuid": row["uuid"], "protected": protected} for row in rows]
        )
    else:
        for row in rows:
            click.echo(f"{row['session_id']} is {'' if protected else 'no longer '}protected")


@click.command()
@click.argument("names", metavar="SESSION...", nargs=-1, required=True)
@output_option
@click.pass_obj
def protect(options: Options, names: tuple[str, ...], output: str | None) -> None:
    """Keep sessions for ever: nothing deletes a protected one."""
    _protect(options, names, True, output)


@click.command()
@click.argument("names", metavar="SESSION...", nargs=-1, required=True)
@output_option
@click.pass_obj
def unprotect(options: Options, names: tuple[str, ...], output: str | None) -> None:
    """Take the protection off sessions."""
    _protect(options, names, False, output)


@click.command()
@click.option("--preview", is_flag=True, help="Only say what will go until tomorrow (the default).")
@click.option("--run", "now", is_flag=True, help="Do now what is due now.")
@output_option
@click.pass_obj
def retention(options: Options, preview: bool, now: bool, output: str | None) -> None:
    """Show what retention will delete until tomorrow, or do what is due."""
    from sessions.catalogue.rules import Policy, due

    if preview and now:
        raise click.UsageError("say --preview or --run")
    settings, json = options.settings(), wants_json(options, output)
    policy = Policy(**settings.retention_policy())
    catalogue = catalogue_of(options)
    if now:
        _run(options, policy, json)
        return
    rows = catalogue.scan().drop("year", "month").collect().to_dicts()
    actions = due(rows, policy, datetime.now(UTC) + timedelta(days=1)) if settings.retention else []
    lines = [(action, row) for action in actions for row in action.rows]
    if json:
        as_json([_shown(action, row) for action, row in lines])
        return
    if not settings.retention:
        click.echo("retention is off (retention.enabled)")
        return
    if not lines:
        click.echo("Nothing goes until tomorrow.")
        return
    shown = [
        [action.verb.value, row["session_id"], size(row["file_size"]), action.reason] for action, row in lines
    ]
    table(
        f"Until tomorrow: {size(sum(action.bytes for action in actions))}",
        ["", "session", "file", "why"],
        shown,
    )


def _shown(action: Any, row: dict[str, Any]) -> dict[str, Any]:
    return {
        "verb": action.verb.value,
        "session_id": row["session_id"],
        "uuid": row["uuid"],
        "reason": action.reason,
        "file_size": row["file_size"],
    }


def _run(options: Options, policy: Any, json: bool) -> None:
    from sessions.catalogue.retain import run

    done = run(sessions_root(options), policy)
    if json:
        as_json({"freed": done.freed, "sessions": done.sessions, "refused": done.refused})
        return
    did = ", ".join(f"{verb} {count}" for verb, count in done.sessions.items()) or "nothing was due"
    click.echo(f"{did}; {size(max(0, done.freed))} freed")
    for name, reason in done.refused.items():
        click.echo(f"left: {name}: {reason}", err=True)
