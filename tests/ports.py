"""Ports for servers of tests."""

import contextlib
import random
import socket

LOWEST, END = 20000, 32000
"""Below what Linux gives to outgoing connections: one of those could take a port before its server does, or while it is
restarted."""


def free_port() -> int:
    """A port of this machine that nobody uses, neither TCP nor UDP."""
    while True:
        port = random.SystemRandom().randrange(LOWEST, END)  # tests seed the common one
        with (
            contextlib.suppress(OSError),
            socket.create_server(("127.0.0.1", port)),
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams,
        ):
            datagrams.bind(("127.0.0.1", port))
            return port
