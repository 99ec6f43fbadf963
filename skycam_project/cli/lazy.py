"""A group of commands whose modules are imported when a command is asked for."""

from importlib import import_module
from typing import Any

import click


class LazyGroup(click.Group):
    """Finds commands by name without importing all of them.

    Args:
        members: a command's name to its `module:attribute` below `skycam_project.cli`.
    """

    def __init__(self, *args: Any, members: dict[str, str], **options: Any) -> None:
        super().__init__(*args, **options)
        self._members = members

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self._members)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self._members:
            return None
        module, name = self._members[cmd_name].split(":")
        return getattr(import_module(f"skycam_project.cli.{module}"), name)
