"""`./skycam simulate`: the simulated devices as programs of their own."""

import os
import sys

import click

MODULES = {"dslr": "camera.simulator", "dwarf3": "telescope.simulator"}


@click.command(context_settings={"ignore_unknown_options": True, "help_option_names": []})
@click.argument("device", type=click.Choice(sorted(MODULES)))
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def simulate(device: str, arguments: tuple[str, ...]) -> None:
    """Run a simulated device; `./skycam simulate dslr --help` shows its options."""
    os.execv(sys.executable, [sys.executable, "-m", MODULES[device], *arguments])  # noqa: S606 - an argument list
