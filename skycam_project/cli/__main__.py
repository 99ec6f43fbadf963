"""Entry: one line and exit code 2 for what a person can mend, never a traceback."""

import os
import sys

import click

from skycam_project.cli.group import skycam
from skycam_project.common.errors import SkycamError


def main() -> None:
    """Run the command line."""
    try:
        skycam.main(prog_name="skycam", standalone_mode=False)
    except click.exceptions.Exit as leave:
        sys.exit(leave.exit_code)
    except click.Abort as stop:
        sys.stderr.write(f"skycam: {str(stop) or 'stopped'}\n")
        sys.exit(130)
    except click.ClickException as error:
        sys.stderr.write(f"skycam: {error.format_message()}\n")
        sys.exit(2)
    except SkycamError as error:
        sys.stderr.write(f"skycam: {error}\n")
        sys.exit(2)
    except BrokenPipeError:  # `skycam status | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except OSError as error:  # no permission, no room, not a folder: the system's words, and which file
        where = f"{error.filename}: " if error.filename else ""
        sys.stderr.write(f"skycam: {where}{error.strerror or error}\n")
        sys.exit(2)


if __name__ == "__main__":
    main()
