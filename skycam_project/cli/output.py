"""What commands print: tables for people, JSON for programs."""

import signal
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from threading import Event
from time import monotonic
from types import FrameType
from typing import Any

import click
import orjson

from skycam_project.cli.group import Options
from skycam_project.common.errors import SkycamError
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
def progress_bar(title: str, shown: bool, *, sizes: bool = False) -> Iterator[Callable[[int, int], None]]:
    """A progress bar on a terminal, a line every ten seconds in a log; it is told what is done and what there is.

    Args:
        title: in front of it.
        shown: False: nothing is printed.
        sizes: what it is told are bytes.
    """
    if not shown:
        yield lambda done, total: None
        return
    if not sys.stderr.isatty():
        yield progress_lines(title, sizes=sizes)
        return
    from rich.progress import DownloadColumn, MofNCompleteColumn, TimeRemainingColumn

    with bars_with(DownloadColumn() if sizes else MofNCompleteColumn(), TimeRemainingColumn()) as bars:
        task = bars.add_task(title, total=None)
        yield lambda done, total: bars.update(task, completed=done, total=total)


def bars_with(*columns: Any) -> Any:
    """Rich's progress bars on standard error; the columns behind them say how much, how fast or how long."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn

    console = Console(stderr=True)
    bar = BarColumn(min(40, max(4, console.width - 50)))  # the words beside it are whole on a narrow terminal
    return Progress(TextColumn("{task.description}"), bar, *columns, console=console)


def progress_lines(title: str, *, sizes: bool = False) -> Callable[[int, int], None]:
    """Progress for logs and pipes, on standard error: nothing of what is quick, then now and then a line."""
    said = monotonic()
    number = (lambda bytes: f"{bytes / 1e6:.0f} MB") if sizes else str

    def progress(done: int, total: int) -> None:
        nonlocal said
        if monotonic() - said >= _QUIET:
            said = monotonic()
            click.echo(f"{title}: {number(done)} of {number(total)}", err=True)

    return progress


@contextmanager
def asked_to_stop(kept: str) -> Iterator[Callable[[], bool]]:
    """Ctrl-C asks long work to stop where it can be gone on with; a second one ends it at once.

    Args:
        kept: a sentence: what is left, and how to go on.

    Yields:
        Whether it was asked; work that ends by an error after that ends as stopped.
    """
    asked = Event()

    def ask(number: int, frame: FrameType | None) -> None:
        signal.signal(signal.SIGINT, before)
        asked.set()

    before = signal.signal(signal.SIGINT, ask)
    try:
        yield asked.is_set
    except SkycamError as error:
        if asked.is_set():
            raise click.Abort(f"stopped. {kept}") from error
        raise
    finally:
        signal.signal(signal.SIGINT, before)
