"""`./skycam sessions …`: finished sessions, without a running server. Each command's module is imported when asked for."""

from importlib import import_module

import click

COMMANDS = {
    "list": "catalogue:list_sessions",
    "show": "catalogue:show",
    "query": "catalogue:query",
    "verify": "catalogue:verify",
    "rebuild": "catalogue:rebuild",
    "recover": "catalogue:recover",
    "protect": "keeping:protect",
    "unprotect": "keeping:unprotect",
    "retention": "keeping:retention",
    "export": "exchange:export",
    "import": "exchange:import_folder",
    "adopt": "exchange:adopt",
    "archive": "exchange:archive",
    "reproduce": "exchange:reproduce",
}


class Group(click.Group):
    """Finds commands by name without importing all of them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, name = COMMANDS[cmd_name].split(":")
        return getattr(import_module(f"skycam_project.cli.{module}"), name)


@click.group(cls=Group)
def sessions() -> None:
    """Finished sessions: find, check, keep, give away, take in."""
