"""What commands print: tables for people, JSON for programs."""

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from time import monotonic
from typing import Any

import click
import orjson

from skycam_project.cli.group import Options
from skycam_project.common.units import Seconds

_WIDE = 1000
"""Columns: names stay on one line, so that `grep` finds them."""
_QUIET: Seconds = 10.0
"""Between two lines of progress where there is no terminal."""

output_option = click.option(
    "--output", type=click.Choice(["rich", "json"]), help="What to print (cli.output_format)."
)


def as_json(value: Any) -> None:
    """One JSON document on standard output."""
    sys.stdout.write(
        orjson.dumps(value, option=orjson.OPT_INDENT_2 | orjson.OPT_NON_STR_KEYS).decode() + "\n"
    )


def wants_json(options: Options, output: str | None) -> bool:
    """Whether JSON was asked for, on the command line or in the settings."""
    return (output or options.settings().output) == "json"


def counted(number: int, word: str) -> str:
    """`1 file`, `2 files`."""
    return f"{number} {word}{'' if number == 1 else 's'}"


def table(title: str, columns: Iterable[str], rows: Iterable[Iterable[str]]) -> None:
    """A table for people; as wide as it needs to be when a program reads it. Without rows a line that says so."""
    lines = list(rows)
    if not lines:
        click.echo(f"{title}: none")
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    result = Table(title=title)
    for column in columns:
        result.add_column(column, overflow="fold")
    for row in lines:
        result.add_row(*(Text(cell) for cell in row))  # text, not markup: names come from outside
    Console(width=None if sys.stdout.isatty() else _WIDE).print(result)


@contextmanager
def progress_bar(title: str, shown: bool) -> Iterator[Callable[[int, int], None]]:
    """A progress bar on a terminal, a line every ten seconds in a log; it is told what is done and what there is."""
    if not shown:
        yield lambda done, total: None
        return
    if not sys.stderr.isatty():
        yield _lines(title)
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True)) as bars:
        task = bars.add_task(title, total=None)
        yield lambda done, total: bars.update(task, completed=done, total=total)


def _lines(title: str) -> Callable[[int, int], None]:
    """Progress for logs and pipes, on standard error: nothing of what is quick, then now and then a line."""
    said = monotonic()

    def progress(done: int, total: int) -> None:
        nonlocal said
        if monotonic() - said >= _QUIET:
            said = monotonic()
            click.echo(f"{title}: {done} of {total}", err=True)

    return progress
