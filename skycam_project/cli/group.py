"""The group of all commands; a command's module is imported when it is asked for."""

from pathlib import Path

import click

from skycam_project.cli.lazy import LazyGroup
from skycam_project.config import Configuration, load

COMMANDS = {
    "up": "up:up",
    "doctor": "doctor:doctor",
    "token": "token:token",
    "user": "user:user",
    "connect": "camera:connect",
    "start": "camera:start",
    "stop": "camera:stop",
    "status": "camera:status",
    "sessions": "sessions:sessions",
    "calibration": "calibration:calibration",
    "timelapse": "timelapse:timelapse",
    "products": "products:products",
    "worker": "worker:worker",
    "nodes": "nodes:nodes",
    "lights": "lights:lights",
    "flats": "flats:flats",
    "simulate": "simulate:simulate",
    "bench": "bench:bench",
    "test": "developer:test",
    "lint": "developer:lint",
    "lock": "developer:lock",
    "screenshots": "developer:screenshots",
}


class Options:
    """What was said before the command's name; settings are read when a command asks for them."""

    def __init__(self, config: Path | None) -> None:
        self.config = config
        self.notes: list[str] = []

    def settings(self, **overrides: object) -> Configuration:
        """All settings. Raises `SettingError`."""
        settings, self.notes = load(self.config, **overrides)
        return settings


@click.group(cls=LazyGroup, members=COMMANDS, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "-c", "--config", type=click.Path(path_type=Path), help="skycam.yaml to use (or SKYCAM_CONFIG)."
)
@click.version_option("0.1.0", prog_name="skycam")
@click.pass_context
def skycam(ctx: click.Context, config: Path | None) -> None:
    """Skycam runs a night: telescope, cameras, sessions, and a page to watch them all."""
    ctx.obj = Options(config)
