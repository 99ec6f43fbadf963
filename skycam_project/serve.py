"""The web process: Daphne, or uvicorn, on a socket that `up` holds. `python -m skycam_project.serve SERVER FD`."""

import os
import sys

APPLICATION = "skycam_project.asgi:application"


def main() -> None:
    """Serve until SIGTERM."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "skycam_project.settings")
    server, descriptor = sys.argv[1:]
    if server == "uvicorn":
        import uvicorn

        uvicorn.run(
            APPLICATION,
            fd=int(descriptor),
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
        )
        return
    from daphne.cli import CommandLineInterface

    CommandLineInterface().run(["--fd", descriptor, "--verbosity", "0", "--no-server-name", APPLICATION])


if __name__ == "__main__":
    main()
