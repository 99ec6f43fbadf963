"""`./skycam token`."""

import os
import sys

import click

from skycam_project.cli.group import Options


@click.group()
def token() -> None:
    """Keys for programs."""


@token.command()
@click.argument("name")
@click.option("--role", type=click.Choice(["viewer", "operator", "owner"]), required=True)
@click.pass_obj
def create(options: Options, name: str, role: str) -> None:
    """Make a token and print it: the only time it can be seen."""
    settings = options.settings()
    os.environ["SKYCAM_DATA"] = str(settings.data)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "skycam_project.settings")
    import django
    from django.core.management import call_command

    django.setup()
    call_command("migrate", interactive=False, verbosity=0)
    from dashboard.services import create_token

    sys.stdout.write(create_token(name, role) + "\n")
