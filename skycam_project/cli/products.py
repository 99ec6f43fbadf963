"""`skycam products`: night products of a session or a folder, without a running server."""

import sys
from pathlib import Path
from typing import Any

import click

from skycam_project.cli.group import Options
from skycam_project.cli.output import (
    as_json,
    asked_to_stop,
    counted,
    output_option,
    progress_bar,
    table,
    wants_json,
)
from skycam_project.cli.sources import source_path
from skycam_project.common.errors import SkycamError


@click.group()
def products() -> None:
    """Keograms, star trails, stacks, meteors and more of a night."""


@products.command("list")
@output_option
@click.pass_obj
def list_(options: Options, output: str | None) -> None:
    """What can be made, and with which options."""
    from timelapse.night.products import COMMON, KINDS

    if wants_json(options, output):
        as_json(
            {
                name: {
                    "title": kind.title,
                    "text": kind.text,
                    "options": [_row(o) for o in (*kind.options, *COMMON)],
                }
                for name, kind in KINDS.items()
            }
        )
        return
    rows = [
        (name, kind.title, kind.text, ", ".join(option.name for option in kind.options))
        for name, kind in KINDS.items()
    ]
    table("Night products", ("kind", "title", "what", "own options"), rows)
    table(
        "Options of all", ("option", "what", "default"), [(o.name, o.title, str(o.default)) for o in COMMON]
    )


def _row(option: Any) -> dict[str, Any]:
    row = {name: getattr(option, name) for name in ("name", "title", "default", "low", "high", "unit")}
    return row | {"choices": list(option.choices) or None}


@products.command()
@click.argument("kind")
@click.argument("source", metavar="SESSION|FOLDER")
@click.option(
    "-o",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    required=True,
    help="Folder of the result.",
)
@click.option(
    "--set",
    "pairs",
    multiple=True,
    metavar="NAME=VALUE",
    help="An option of the product; see `products list`.",
)
@click.option("--camera", help="Of a session with several cameras.")
@output_option
@click.pass_obj
def make(
    options: Options,
    kind: str,
    source: str,
    folder: Path,
    pairs: tuple[str, ...],
    camera: str | None,
    output: str | None,
) -> None:
    """Make KIND of a session (its id, uuid, file or folder) or of a folder of pictures."""
    from timelapse import seasons
    from timelapse.making import inputs_of, record_night
    from timelapse.night import products as night
    from timelapse.pipeline.frames import open_source

    night.kind_of(kind)
    chosen = night.checked(kind, dict(_pair(pair) for pair in pairs))
    json = wants_json(options, output)
    path = source_path(options, source)
    frames = open_source(path, camera)
    try:
        kept = f"The same command goes on there; what is done so far is kept in {folder}."
        with asked_to_stop(kept) as stop, progress_bar(night.KINDS[kind].title, not json) as progress:
            made = night.make(kind, frames, chosen, folder, progress, stop)
    except OSError as error:
        raise click.ClickException(f"{folder} cannot be written: {error.strerror or error}") from None
    finally:
        frames.close()
    inputs = seasons.lines_of(folder) if kind == seasons.KIND else inputs_of(path)
    record_night(folder, kind, inputs, chosen, made)
    left_out = [{"name": problem.name, "reason": problem.reason} for problem in frames.problems]
    if json:
        said = {"kind": kind, "frames": len(frames), "left_out": left_out, "found": made.found}
        as_json(said | {"scores": made.scores, "files": [str(path) for path in made.files]})
        return
    for problem in left_out:
        click.echo(f"left out: {problem['name']}: {problem['reason']}", err=True)
    for gap, count in made.found.get("gaps", {}).items():
        click.echo(f"not calibrated: {gap} ({count} frames)", err=True)
    for name, score in made.scores.items():
        click.echo(f"{name}: {score:.2f}", err=True)
    for path in made.files:
        click.echo(path)
    if not made.files:
        click.echo("nothing found")


@products.command()
@click.argument(
    "folders", nargs=-1, type=click.Path(exists=True, file_okay=False, path_type=Path), metavar="[FOLDER]..."
)
@output_option
@click.pass_obj
def archive(options: Options, folders: tuple[Path, ...], output: str | None) -> None:
    """Copy finished products to the archive (`archive.store`); without FOLDER, all that are not there yet.

    A copy counts once its checksum was compared. An upload that broke off goes on. Nothing is deleted here.
    """
    from sessions.exchange.archive import alone
    from timelapse.transfer import finals

    settings, json = options.settings(), wants_json(options, output)
    root, store = (settings.data / "products").resolve(), settings.products_store()
    if store is None:
        raise click.ClickException("there is no archive; set SKYCAM_ARCHIVE to local or s3")
    if strange := [folder for folder in folders if not folder.resolve().is_relative_to(root)]:
        raise click.ClickException(f"{strange[0]} is not a product below {root}")
    archived, failed = {}, {}
    root.mkdir(parents=True, exist_ok=True)
    with alone(root) as free:
        if not free:
            raise click.ClickException("products are being archived just now by another process")
        for folder in [folder.resolve() for folder in folders] or finals.due(root):
            name = folder.relative_to(root).as_posix()
            try:
                with progress_bar(name, not json, sizes=True) as progress:
                    archived[name] = finals.archive(folder, root, store, progress).address
            except (SkycamError, OSError) as error:
                failed[name] = str(error)
    if json:
        as_json({"archived": archived, "failed": failed})
    else:
        for name, address in archived.items():
            click.echo(f"{name}: {address}")
        click.echo(f"{counted(len(archived), 'product')} archived")
        for reason in failed.values():
            click.echo(f"not archived: {reason}", err=True)
    sys.exit(1 if failed else 0)


def _pair(text: str) -> tuple[str, Any]:
    name, found, value = text.partition("=")
    if not found:
        raise click.ClickException(f"--set {text!r}: NAME=VALUE is wanted")
    words: dict[str, Any] = {"true": True, "false": False, "yes": True, "no": False, "none": None}
    if value.lower() in words:
        return name, words[value.lower()]
    try:
        number = float(value)
    except ValueError:
        return name, value
    return name, int(number) if number.is_integer() else number
