"""The web process: Daphne, or uvicorn, on sockets that `up` holds: `python -m skycam_project.serve SERVER FD …`."""

import os
import socket
import sys

APPLICATION = "skycam_project.asgi:application"
DAPHNE_SEND_BYTES = 1 << 20
"""Twisted gives the kernel 128 KiB per turn of its loop: an Alpaca image of 16.6 MB would take 127 turns."""


def main() -> None:
    """Serve until SIGTERM."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "skycam_project.settings")
    server, *descriptors = sys.argv[1:]
    serve(server, [int(number) for number in descriptors], APPLICATION)


def serve(server: str, descriptors: list[int], application: str) -> None:
    """Serve an ASGI application on listening sockets until SIGTERM."""
    if server == "uvicorn":
        import uvicorn

        config = uvicorn.Config(
            application, lifespan="off", log_config=None, access_log=False, server_header=False
        )
        uvicorn.Server(config).run(sockets=[socket.socket(fileno=number) for number in descriptors])
        return
    from daphne.cli import CommandLineInterface
    from twisted.internet.abstract import FileDescriptor

    FileDescriptor.SEND_LIMIT = DAPHNE_SEND_BYTES
    endpoints = [word for number in descriptors for word in ("-e", f"fd:fileno={number}")]
    CommandLineInterface().run(
        [*endpoints, "--verbosity", "0", "--no-server-name", "--ping-timeout", "10", application]
    )


if __name__ == "__main__":
    main()
