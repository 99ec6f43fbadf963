"""`./skycam calibration list | make | gaps`: darks, flats and bias that every part shares."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import click

from skycam_project.cli.exchange import sessions_root
from skycam_project.cli.group import Options
from skycam_project.cli.output import as_json, output_option, progress_bar, table, wants_json
from skycam_project.common.clock import iso_utc
from skycam_project.common.errors import SkycamError


def _sessions(root: Path, names: tuple[str, ...], days: float) -> list[Path]:
    """The sessions that are named, or the youngest ones."""
    from sessions.exchange.finding import find

    if names:
        return [find(root, name) for name in names]
    oldest = (datetime.now(UTC) - timedelta(days=days)).strftime("%Y/%m/%d")
    found = (
        path for path in root.glob("[0-9]*/*/*/*.asdf") if path.parent.relative_to(root).as_posix() >= oldest
    )
    return sorted(found)


def _of_sessions(function):
    days = click.option(
        "--days",
        type=click.FloatRange(0, 36500),
        default=30,
        show_default=True,
        help="How far back, without names.",
    )
    return click.argument("sessions", nargs=-1)(days(output_option(click.pass_obj(function))))


@click.group()
def calibration() -> None:
    """Darks, flats and bias that every part shares."""


@calibration.command(name="list")
@output_option
@click.pass_obj
def list_masters(options: Options, output: str | None) -> None:
    """Show the masters."""
    from sessions.calibration.library import Library

    found = Library(sessions_root(options) / "calibration").masters()
    if wants_json(options, output):
        rows = [
            {
                "kind": one.kind, **one.key.as_dict(), "frames": one.frames, "taken_at": iso_utc(one.taken_at),
                "hot_pixels": one.hot_pixels, "sha256": one.sha256, "path": str(one.path),
            }
            for one in found
        ]  # fmt: skip
        as_json(rows)
        return
    lines = [
        [one.kind, one.key.camera, one.key.filter or one.key.says(), str(one.frames), f"{one.taken_at:%Y-%m-%d}", one.sha256[:8]]
        for one in found
    ]  # fmt: skip
    table("Calibration library", ["kind", "camera", "settings", "frames", "taken", "hash"], lines)


@calibration.command()
@_of_sessions
def make(options: Options, sessions: tuple[str, ...], days: float, output: str | None) -> None:
    """Make masters from the darks, flats and bias frames that SESSIONS hold (ids or paths)."""
    from sessions.calibration import making
    from sessions.calibration.library import Library

    root, json = sessions_root(options), wants_json(options, output)
    library = Library(root / "calibration")
    made, left = [], []
    for group in making.groups(_sessions(root, sessions, days)):
        said = {
            "kind": group.kind,
            "settings": f"{group.key.camera}: {group.key.says()}",
            "frames": len(group.frames),
        }
        try:
            with progress_bar(f"{group.kind} {group.key.says()}", not json) as progress:
                made.append(said | {"sha256": making.make(group, library, progress).sha256})
        except SkycamError as error:
            left.append(said | {"reason": str(error)})
        except OSError as error:
            raise click.ClickException(
                f"{library.root} cannot be written: {error.strerror or error}"
            ) from None
    if json:
        as_json({"made": made, "left": left})
        return
    rows = [[one["kind"], one["settings"], str(one["frames"]), one["sha256"][:8]] for one in made]
    table("Masters made", ["kind", "settings", "frames", "hash"], rows)
    for one in left:
        click.echo(f"not made: {one['kind']} {one['settings']}: {one['reason']}", err=True)


@calibration.command()
@_of_sessions
def gaps(options: Options, sessions: tuple[str, ...], days: float, output: str | None) -> None:
    """Say which light frames of SESSIONS have no dark or flat."""
    from sessions.calibration import making
    from sessions.calibration.library import Library

    root = sessions_root(options)
    missing = Library(root / "calibration").gaps(making.wanted(_sessions(root, sessions, days)))
    if wants_json(options, output):
        as_json([{"gap": gap, "frames": count} for gap, count in missing.items()])
    elif missing:
        table("Gaps", ["what", "light frames"], [[gap, str(count)] for gap, count in missing.items()])
    else:
        click.echo("no gaps")
