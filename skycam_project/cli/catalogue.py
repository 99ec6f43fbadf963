"""`./skycam sessions list | show | query | verify | rebuild | recover`: what there is, and whether it is whole."""

import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import click
import orjson

from sessions.store.ids import SessionType
from skycam_project.cli.group import Options
from skycam_project.cli.output import as_json, counted, output_option, progress_bar, table, wants_json

TYPES = click.Choice([kind.value for kind in SessionType])
READERS = 2
"""Processes that read files in a rebuild."""


def sessions_root(options: Options) -> Path:
    """The folder of sessions."""
    return options.settings().data / "sessions"


def catalogue_of(options: Options):
    """The catalogue, brought up to date where something is newer; a folder that cannot be written is read as it is."""
    from sessions.catalogue.catalogue import Catalogue
    from sessions.catalogue.queries import catch_up

    root = sessions_root(options)
    if not root.is_dir():
        raise click.ClickException(f"there are no sessions in {root}; see --config and SKYCAM_DATA")
    try:
        catch_up(root)
    except OSError as error:
        click.echo(f"skycam: the catalogue could not be brought up to date: {error}", err=True)
    return Catalogue(root)


class Moment(click.ParamType):
    """A date, or a time with or without a zone (then UTC)."""

    name = "date"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        if isinstance(value, datetime):
            return value
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            self.fail(f"{value!r} is no date; write 2026-11-30 or 2026-11-30T22:00Z", param, ctx)
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


@click.command("list")
@click.option("--type", "types", type=TYPES, multiple=True, help="Only this type; may be repeated.")
@click.option("--instrument", help="Only this instrument.")
@click.option("--target", help="Part of the target's name.")
@click.option("--since", type=Moment(), help="Began then or later (UTC).")
@click.option("--until", type=Moment(), help="Began before (UTC).")
@click.option("--errors", is_flag=True, help="Only with errors.")
@click.option("-n", "--limit", type=click.IntRange(1), default=20, show_default=True, help="The newest.")
@output_option
@click.pass_obj
def list_sessions(options: Options, output: str | None, **wanted: Any) -> None:
    """List finished sessions, newest first."""
    from sessions.catalogue.queries import Filter, select

    rows = select(catalogue_of(options), Filter(**wanted))
    if wants_json(options, output):
        as_json([_shown(row) for row in rows])
        return
    columns = ["session", "began (UTC)", "length", "target", "frames", "errors", "size", ""]
    table("Sessions", columns, [_line(row) for row in rows])


def _line(row: dict[str, Any]) -> list[str]:
    marks = [
        word
        for word, said in (
            ("protected", row["protected"]),
            ("archived", row["archived_at"]),
            ("frames dropped", row["dropped_at"]),
            (row["status"], row["status"] != "complete"),
        )
        if said
    ]
    return [
        row["session_id"],
        f"{row['start_time']:%Y-%m-%d %H:%M}",
        str(timedelta(seconds=round(row["duration_s"]))),
        row["target"] or "",
        str(row["frames"]),
        str(row["error_count"]),
        size(row["file_size"]),
        ", ".join(marks),
    ]


def size(number: float) -> str:
    """Bytes for people."""
    for unit in ("B", "kB", "MB", "GB"):
        if number < 1000:
            return f"{number:.3g} {unit}"
        number /= 1000
    return f"{number:.3g} TB"


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    return row | {"captures": orjson.loads(row["captures"])}


@click.command()
@click.argument("session")
@output_option
@click.pass_obj
def show(options: Options, session: str, output: str | None) -> None:
    """Show everything that the catalogue knows of a session (id, uuid or path)."""
    from sessions.catalogue.queries import find

    row = _shown(find(catalogue_of(options), session))
    if wants_json(options, output):
        as_json(row)
        return
    captures = row.pop("captures")
    table(
        row["session_id"],
        ["", ""],
        [[name, _text(value)] for name, value in row.items() if value not in (None, "")],
    )
    if captures:
        names = list(dict.fromkeys(name for said in captures.values() for name in said))
        lines = [[camera, *(_text(said.get(name)) for name in names)] for camera, said in captures.items()]
        table("Cameras", ["camera", *names], lines)


def _text(value: Any) -> str:
    return (
        value.isoformat().replace("+00:00", "Z")
        if isinstance(value, datetime)
        else ""
        if value is None
        else str(value)
    )


@click.command()
@click.argument("sql")
@output_option
@click.pass_obj
def query(options: Options, sql: str, output: str | None) -> None:
    """Ask the catalogue in SQL; its table is `sessions`.

    For instance: "SELECT target, SUM(frames) AS frames FROM sessions GROUP BY target ORDER BY frames DESC"
    """
    found = catalogue_of(options).query(sql)
    if wants_json(options, output):
        as_json(found.to_dicts())
    else:
        table(
            counted(len(found), "row"),
            found.columns,
            [[_text(value) for value in row] for row in found.iter_rows()],
        )


@click.command()
@click.argument("names", metavar="[SESSION]...", nargs=-1)
@click.option("--all", "everything", is_flag=True, help="Every session.")
@click.option("--since", type=Moment(), help="Every session that began then or later (UTC).")
@output_option
@click.pass_obj
def verify(
    options: Options, names: tuple[str, ...], everything: bool, since: datetime | None, output: str | None
) -> None:
    """Read sessions whole and compare every checksum; exit code 1 when one is not as it was written."""
    from sessions.catalogue.queries import Filter, find, select
    from sessions.store.verify import verify as check

    if not (names or everything or since):
        raise click.UsageError("name sessions, or say --all or --since")
    catalogue = catalogue_of(options)
    rows = [find(catalogue, name) for name in names]
    if everything or since:
        rows += select(catalogue, Filter(since=since))
    json, reports = wants_json(options, output), []
    with progress_bar("verify", not json) as progress:
        for number, row in enumerate(rows):
            reports.append((row["session_id"], check(catalogue.root / row["asdf_path"])))
            progress(number + 1, len(rows))
    if json:
        as_json(
            [
                {
                    "session_id": name,
                    "ok": r.ok,
                    "blocks": r.blocks,
                    "external": r.external,
                    "problems": r.problems,
                }
                for name, r in reports
            ]
        )
    else:
        bad = [[name, "\n".join(r.problems)] for name, r in reports if not r.ok]
        if bad:
            table("Not as they were written", ["session", "what is wrong"], bad)
        click.echo(f"{len(reports) - len(bad)} of {len(reports)} sessions are whole")
    sys.exit(0 if all(report.ok for _, report in reports) else 1)


@click.command()
@click.option("--again", is_flag=True, help="Read every file, also those that have not changed.")
@output_option
@click.pass_obj
def rebuild(options: Options, again: bool, output: str | None) -> None:
    """Make the catalogue from the files. Files that have not changed are not read again."""
    from sessions.catalogue.sync import sync

    json = wants_json(options, output)
    with progress_bar("rebuild", not json) as progress:
        done = sync(sessions_root(options), again=again, workers=READERS, progress=progress)
    if json:
        as_json({"files": done.files, "read": done.read, "gone": done.gone, "problems": done.problems})
        return
    click.echo(f"{counted(done.files, 'session')}, {done.read} read, {done.gone} gone")
    for path, reason in done.problems.items():
        click.echo(f"not catalogued: {path}: {reason}", err=True)


@click.command()
@output_option
@click.pass_obj
def recover(options: Options, output: str | None) -> None:
    """Finish what crashes left of instruments that nobody runs; running sessions are left alone."""
    from sessions.catalogue.queries import catch_up
    from sessions.store.layout import Layout
    from sessions.store.recovery import recover_unowned
    from sessions.store.space import FreeSpace
    from skycam_project.common.clock import microseconds_utc

    layout = Layout(sessions_root(options))
    layout.prepare()
    now = microseconds_utc(datetime.now(UTC))
    done = recover_unowned(layout, FreeSpace(layout.root), now, timedelta(0))
    catch_up(layout.root)
    if wants_json(options, output):
        as_json(
            [
                {"session_id": one.session_id, "frames": one.frames, "frames_lost": one.frames_lost}
                for one in done
            ]
        )
        return
    for one in done:
        click.echo(f"{one.session_id}: {counted(one.frames, 'frame')}, {one.frames_lost} lost")
    left = len(layout.partials())
    click.echo(f"{len(done)} recovered, {left} are running")
