"""What must be done before the processes start; prints one line of JSON for `up`."""

import os
import sys

import django
import orjson
from django.core.management import call_command


def main() -> None:
    """Migrate, and know whether there is an owner."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "skycam_project.settings")
    django.setup()
    call_command("migrate", interactive=False, verbosity=0)
    from dashboard.services import renew_setup_token

    token = renew_setup_token()
    sys.stdout.write(orjson.dumps({"owner": token is None, "setup_token": token}).decode() + "\n")


if __name__ == "__main__":
    main()
