"""`./skycam up`."""

import os
import sys
from pathlib import Path

import click

from skycam_project.cli.group import Options


@click.command()
@click.option("--port", help="Port of pages and interfaces (8080).")
@click.option("--data", help="Data folder (./var).")
@click.option(
    "--demo/--no-demo",
    default=None,
    help="Simulated devices, or none; by default when nothing is configured.",
)
@click.option("--config", type=click.Path(path_type=Path), help="skycam.yaml to use.")
@click.pass_obj
def up(options: Options, port: str | None, data: str | None, demo: bool | None, config: Path | None) -> None:
    """Start everything and keep it running until Ctrl-C."""
    if config:
        options.config = config
    wanted = None if demo is None else ("on" if demo else "off")
    settings = options.settings(port=port, data=data, demo=wanted)
    if options.config:
        os.environ["SKYCAM_CONFIG"] = str(options.config.absolute())
    from skycam_project.supervisor.up import main

    sys.exit(main(settings, options.notes))
