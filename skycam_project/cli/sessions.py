"""`./skycam sessions …`: finished sessions, without a running server. Each command's module is imported when asked for."""

import click

from skycam_project.cli.lazy import LazyGroup

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
    "retrieve": "exchange:retrieve",
    "reproduce": "exchange:reproduce",
}


@click.group(cls=LazyGroup, members=COMMANDS)
def sessions() -> None:
    """Finished sessions: find, check, keep, give away, take in."""
