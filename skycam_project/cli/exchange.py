"""`./skycam sessions export | import | adopt | archive | reproduce`: sessions to and from elsewhere."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

import click

from skycam_project.cli.group import Options
from skycam_project.cli.output import as_json, output_option, table, wants_json

MAKERS = ("sessions.exchange.makers",)
"""Modules that register how their kinds of product are made again."""


def sessions_root(options: Options) -> Path:
    """The folder of sessions."""
    return options.settings().data / "sessions"


@contextmanager
def progress_bar(title: str, shown: bool) -> Iterator[Callable[[int, int], None]]:
    """A progress bar on a terminal; what it yields is told what is done and what there is."""
    if not shown or not sys.stderr.isatty():
        yield lambda done, total: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True)) as bars:
        task = bars.add_task(title, total=None)
        yield lambda done, total: bars.update(task, completed=done, total=total)


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

    SESSION is an id or a path.
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
        click.echo(f"{given.files} files, {given.bytes / 1e6:.1f} MB in {out}")
        for name, reason in given.skipped.items():
            click.echo(f"not written: {name}: {reason}", err=True)


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
