"""The web process: Daphne, or uvicorn, on sockets that `up` holds: `python -m skycam_project.serve SERVER FD …`."""

import os
import socket
import sys

APPLICATION = "skycam_project.asgi:application"


def main() -> None:
    """Serve until SIGTERM."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "skycam_project.settings")
    server, *descriptors = sys.argv[1:]
    if server == "uvicorn":
        import uvicorn

        config = uvicorn.Config(
            APPLICATION, lifespan="off", log_config=None, access_log=False, server_header=False
        )
        uvicorn.Server(config).run(sockets=[socket.socket(fileno=int(number)) for number in descriptors])
        return
    from daphne.cli import CommandLineInterface

    endpoints = [word for number in descriptors for word in ("-e", f"fd:fileno={number}")]
    CommandLineInterface().run(
        [*endpoints, "--verbosity", "0", "--no-server-name", "--ping-timeout", "10", APPLICATION]
    )


if __name__ == "__main__":
    main()
