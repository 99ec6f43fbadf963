"""`./skycam user`: accounts, for whoever sits at the machine."""

import os
import sys

import click

from skycam_project.cli.group import Options
from skycam_project.common.errors import InvalidValueError


def _django(options: Options) -> None:
    os.environ["SKYCAM_DATA"] = str(options.settings().data)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "skycam_project.settings")
    import django
    from django.core.management import call_command

    django.setup()
    call_command("migrate", interactive=False, verbosity=0)


@click.group()
def user() -> None:
    """People who may log in."""


@user.command()
@click.argument("name")
@click.option("--role", type=click.Choice(["viewer", "operator", "owner"]), required=True)
@click.password_option(help="Asked for when not given.")
@click.pass_obj
def create(options: Options, name: str, role: str, password: str) -> None:
    """Make an account."""
    _django(options)
    from dashboard.choices import Role
    from dashboard.services import create_user

    create_user(name, password, Role(role))
    sys.stdout.write(f"{name} may log in as {role}\n")


@user.command()
@click.argument("name")
@click.password_option(help="Asked for when not given.")
@click.pass_obj
def password(options: Options, name: str, password: str) -> None:
    """Give somebody a new password; all their logins end."""
    _django(options)
    from dashboard.models import User
    from dashboard.services import set_password

    account = User.objects.filter(username=name).first()
    if account is None:
        raise InvalidValueError("name", name, "the name of an account")
    set_password(account, password)
    sys.stdout.write(f"{name} has a new password\n")
