"""`./skycam sessions export | import | adopt | archive | retrieve | reproduce`: sessions to and from elsewhere."""

import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import click

from skycam_project.cli.group import Options
from skycam_project.cli.output import as_json, counted, output_option, progress_bar, table, wants_json
from skycam_project.common.errors import SkycamError

MAKERS = ("sessions.exchange.makers", "timelapse.makers")
"""Modules that register how their kinds of product are made again."""


def sessions_root(options: Options) -> Path:
    """The folder of sessions."""
    return options.settings().data / "sessions"


@click.command()
@click.argument("session")
@click.option(
    "-o", "--out", type=click.Path(path_type=Path), required=True, help="A folder, or a file ending in .zip."
)
@click.option(
    "--format", "what", default="fits", show_default=True,
    type=click.Choice(["fits", "originals", "asdf", "portable"]),
    help="Every frame as FITS; the cameras' own files; the session as it is; one ASDF file for every reader.",
)  # fmt: skip
@click.option("--compress", is_flag=True, help="FITS with lossless Rice compression (.fits.fz).")
@click.option("--public", is_flag=True, help="Without site, observer, serial numbers and addresses.")
@click.option(
    "--location-precision", type=click.FloatRange(0.001, 90), metavar="DEGREES",
    help="Round site and pointing.",
)  # fmt: skip
@output_option
@click.pass_obj
def export(
    options: Options, session: str, out: Path, what: str, compress: bool, public: bool,
    location_precision: float | None, output: str | None,
) -> None:  # fmt: skip
    """Give a session away as FITS files, original files or ASDF, in a folder or a zip.

    SESSION is an id, a uuid or a path.
    """
    from sessions.exchange import giving
    from sessions.exchange.finding import find
    from sessions.exchange.fits import Options as FitsOptions
    from sessions.exchange.keywords import Disclosure

    path = find(sessions_root(options), session)
    how = FitsOptions(compress, Disclosure(location_precision, public))
    json = wants_json(options, output)
    try:
        with progress_bar(path.stem, not json) as progress:
            given = giving.give(path, out, what, how, progress)
    except OSError as error:
        raise click.ClickException(f"{out} cannot be written: {error.strerror or error}") from None
    if json:
        as_json(
            {
                "session": path.stem,
                "out": str(out),
                "files": given.files,
                "bytes": given.bytes,
                "skipped": given.skipped,
            }
        )
    else:
        click.echo(f"{counted(given.files, 'file')}, {given.bytes / 1e6:.1f} MB in {out}")
        for name, reason in given.skipped.items():
            click.echo(f"not written: {name}: {reason}", err=True)


@click.command(name="import")
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option(
    "--layout", type=click.Choice(["dwarf", "indi-allsky", "allsky", "fits", "images"]),
    help="How the folder is laid out; recognised by default.",
)  # fmt: skip
@click.option("--instrument", help="The sessions' instrument; by default what the files say.")
@click.option(
    "--timezone",
    "zone",
    metavar="NAME",
    help="Of local times, such as Europe/Zurich; by default this machine's.",
)
@click.option("--dry-run", is_flag=True, help="Say what would be done.")
@output_option
@click.pass_obj
def import_folder(
    options: Options, folder: Path, layout: str | None, instrument: str | None, zone: str | None, dry_run: bool,
    output: str | None,
) -> None:  # fmt: skip
    """Take in what other programs left: FITS, DWARF, indi-allsky, Allsky, or a folder of pictures.

    Files are copied byte for byte and stay where they are; what is in a session already is not taken again.
    """
    from zoneinfo import ZoneInfo

    from sessions.exchange.imports import plan as planning
    from sessions.exchange.imports import taking
    from sessions.store.ids import check_instrument
    from skycam_project.common.nights import site_zone

    try:
        local = ZoneInfo(zone) if zone else site_zone()
    except (KeyError, OSError, ValueError):
        raise click.BadParameter(f"{zone!r}; such as Europe/Zurich", param_hint="--timezone") from None
    root, json = sessions_root(options), wants_json(options, output)
    named = check_instrument(instrument) if instrument else None
    with progress_bar("reading", not json) as progress:
        plan = planning.plan(folder, root, local, layout, named, progress)
    finished = []
    if not dry_run and plan.sessions:
        try:
            with progress_bar("taking", not json) as progress:
                finished = taking.take(plan, root, progress)
        except OSError as error:
            raise click.ClickException(f"{root} cannot be written: {error.strerror or error}") from None
    sessions = [
        {
            "session": finished[number].session_id if finished else None, "type": str(one.kind), "target": one.target,
            "instrument": one.instrument, "start": one.start, "end": one.end, "files": len(one.items),
        }
        for number, one in enumerate(plan.sessions)
    ]  # fmt: skip
    problems = {str(path): reason for path, reason in plan.problems.items()}
    if json:
        as_json(
            {
                "layout": plan.layout.name,
                "dry_run": dry_run,
                "sessions": sessions,
                "known": len(plan.known),
                "problems": problems,
            }
        )
        return
    rows = [
        [
            str(one["session"] or one["type"]),
            one["target"] or "",
            f"{one['start']:%Y-%m-%d %H:%M:%S}",
            str(one["files"]),
        ]
        for one in sessions
    ]
    table(
        f"{'Would take' if dry_run else 'Taken'} ({plan.layout.title})",
        ["session", "target", "start (UTC)", "files"],
        rows,
    )
    if plan.known:
        click.echo(f"in a session already: {counted(len(plan.known), 'file')}")
    for path, reason in problems.items():
        click.echo(f"not taken: {path}: {reason}", err=True)


@click.command()
@click.argument("where", type=click.Path(exists=True, path_type=Path))
@click.option("--keep", is_flag=True, help="Copy instead of moving.")
@output_option
@click.pass_obj
def adopt(options: Options, where: Path, keep: bool, output: str | None) -> None:
    """Take in finished sessions of another Skycam: one file, a zip, or all below a folder.

    Exit code 1 when one is refused.
    """
    from sessions.exchange import adoption

    root, json = sessions_root(options), wants_json(options, output)
    adopted, refused = [], {}
    with adoption.opened(where, root) as files, progress_bar("adopting", not json) as progress:
        if not files:
            raise click.ClickException(f"there is no session in {where}")
        for number, path in enumerate(files, 1):
            try:
                adopted.append(str(adoption.adopt(path, root, keep=keep)))
            except adoption.AdoptError as error:
                refused[str(path)] = str(error)
            except OSError as error:
                raise click.ClickException(f"{root} cannot be written: {error.strerror or error}") from None
            progress(number, len(files))
    if json:
        as_json({"adopted": adopted, "refused": refused})
    else:
        click.echo(f"{counted(len(adopted), 'session')} taken in")
        for reason in refused.values():
            click.echo(f"refused: {reason}", err=True)
    sys.exit(1 if refused else 0)


@click.command()
@click.argument("sessions", nargs=-1)
@output_option
@click.pass_obj
def archive(options: Options, sessions: tuple[str, ...], output: str | None) -> None:
    """Copy finished SESSIONS to the archive (`archive.store`); without names, all that are not there yet.

    A copy counts once its checksum was compared. Nothing is deleted here.
    """
    from sessions.exchange import archive as archiving
    from sessions.exchange.finding import find

    root, json = sessions_root(options), wants_json(options, output)
    store = options.settings().archive_store()
    if store is None:
        raise click.ClickException("there is no archive; set SKYCAM_ARCHIVE to local or s3")
    files = [find(root, name) for name in sessions] if sessions else archiving.due(root)
    archived, failed = {}, {}
    for path in files:
        try:
            with progress_bar(path.stem, not json, sizes=True) as progress:
                archived[path.stem] = archiving.archive(path, root, store, progress)
        except SkycamError as error:
            failed[path.stem] = str(error)
    if json:
        as_json({"archived": archived, "failed": failed})
    else:
        click.echo(f"{counted(len(archived), 'session')} archived")
        for reason in failed.values():
            click.echo(f"not archived: {reason}", err=True)
    sys.exit(1 if failed else 0)


@click.command()
@click.argument("sessions", nargs=-1, required=True)
@output_option
@click.pass_obj
def retrieve(options: Options, sessions: tuple[str, ...], output: str | None) -> None:
    """Fetch SESSIONS back from the archive with all their frames; exit code 1 when one does not come.

    SESSIONS are ids, uuids, or days such as 2026-11-19 (UTC). What came is protected: take the protection off when
    retention may give it up again. A transfer that breaks off goes on with the next call.
    """
    from datetime import date

    from sessions.exchange import retrieval

    root, json = sessions_root(options), wants_json(options, output)
    store = options.settings().archive_store()
    if store is None:
        raise click.ClickException("there is no archive; set SKYCAM_ARCHIVE to local or s3")
    came, failed = {}, {}
    for name in sessions:
        try:
            try:
                names = retrieval.of_day(date.fromisoformat(name), store)
                failed |= {} if names else {name: "the archive has no session of that day"}
            except ValueError:
                names = [name]
            for one in names:
                with progress_bar(one, not json, sizes=True) as progress:
                    came[one] = str(retrieval.retrieve(one, root, store, progress))
        except SkycamError as error:
            failed[name] = str(error)
        except OSError as error:
            raise click.ClickException(f"{root} cannot be written: {error.strerror or error}") from None
    if json:
        as_json({"retrieved": came, "failed": failed})
    else:
        click.echo(f"{counted(len(came), 'session')} retrieved")
        for name, reason in failed.items():
            click.echo(f"not retrieved: {name}: {reason}", err=True)
    sys.exit(1 if failed else 0)


@click.command()
@click.argument("product", type=click.Path(exists=True, path_type=Path))
@output_option
@click.pass_obj
def reproduce(options: Options, product: Path, output: str | None) -> None:
    """Make a product again from its record and compare; exit code 1 when it comes out different.

    PRODUCT is a folder, a file, or a provenance record.
    """
    from dataclasses import asdict

    from sessions import provenance

    for module in MAKERS:
        import_module(module)
    result = provenance.reproduce(product, sessions_root(options))
    if wants_json(options, output):
        as_json(asdict(result) | {"ok": result.ok})
    else:
        _show(product, result)
    sys.exit(0 if result.ok else 1)


def _show(product: Path, result: Any) -> None:
    for name, then, now in result.software:
        click.echo(f"made with {name} {then}, now {now}")
    for words, paths in (("missing", result.missing), ("changed since", result.changed)):
        for path in paths:
            click.echo(f"input {words}: {path}")
    if result.outputs:
        rows = [
            [one.path, str(one.likeness), f"{one.mean:.2g}", f"{one.largest:.2g}", one.note]
            for one in result.outputs
        ]
        table(f"{product}", ["output", "likeness", "mean difference", "largest", "note"], rows)
    click.echo("reproduced" if result.ok else "not reproduced")
