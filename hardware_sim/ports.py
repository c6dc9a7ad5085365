"""Loopback ports that stay ours while nothing listens on them."""

from __future__ import annotations

import random
import socket

from hardware_sim.errors import NoFreePortError

LOOPBACK = "127.0.0.1"
# Below the kernel's ephemeral range: a client that keeps dialling a closed ephemeral port of its own host can be given
# that very port as its source, connect to itself, and keep the port from being reopened.
_FIRST, _LAST = 20_000, 31_999
_TRIES = 200


def free_loopback_port() -> int:
    """A port that was free a moment ago.

    Raises:
        NoFreePortError: None was found.
    """
    for _ in range(_TRIES):
        port = random.SystemRandom().randint(_FIRST, _LAST)
        with socket.socket() as probe:
            try:
                probe.bind((LOOPBACK, port))
            except OSError:
                continue
            return port
    raise NoFreePortError(f"no free port between {_FIRST} and {_LAST} on {LOOPBACK}: end the programs that occupy them")


def listen_on(port: int) -> socket.socket:
    """Take a port before anything else is started for it.

    Raises:
        NoFreePortError: Another program has it.
    """
    try:
        return socket.create_server((LOOPBACK, port))
    except OSError as error:
        raise NoFreePortError(f"port {port} can't be used ({error.strerror}): choose another with --port") from error
