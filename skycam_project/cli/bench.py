"""`./skycam bench NAME`: measurements, each in `bench/NAME.py`."""

import sys
from importlib import import_module
from pathlib import Path

import click

FOLDER = Path(__file__).resolve().parents[2] / "bench"


def names() -> list[str]:
    """All benchmarks."""
    return sorted(path.stem for path in FOLDER.glob("[a-z]*.py"))


@click.command(context_settings={"ignore_unknown_options": True})
@click.argument("name", required=False)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def bench(name: str | None, arguments: tuple[str, ...]) -> None:
    """Measure a part; without a name the parts are listed."""
    if name is None:
        sys.stdout.write("\n".join(names()) + "\n")
        return
    if name not in names():
        raise click.BadParameter(f"{name!r}; there are: {', '.join(names())}", param_hint="NAME")
    sys.exit(import_module(f"bench.{name}").main(list(arguments)))
