"""Serves the local API on a socket that is bound before anything else is said to be ready."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Iterator
from functools import partial
from typing import Any, cast

import uvicorn
from fastapi import FastAPI
from uvicorn.protocols.http.h11_impl import H11Protocol

from edge_config.settings import ApiSettings
from gateway.errors import ApiAddressTaken
from gateway.guard import is_loopback_address

MOST_OF_ONE_ADDRESS = 32
"""Connections: a page needs about seven, the preview of a camera included."""
MOST_OF_THE_NETWORK = 128
"""So that the journal, the printer and this machine's own screen never want for a file descriptor."""
_ASKS_WITHIN_S = 10.0
_BACKLOG = 128
_GRACE_S = 2
_LARGEST_FRAME_BYTES = 4_096
"""Of a WebSocket: pages only listen."""


class _Server(uvicorn.Server):
    """Leaves signals to the agent, which ends everything in order."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class Door:
    """Lets connections in, from the network only so many; programs of this machine always find room."""

    def __init__(self, *, asks_within_s: float = _ASKS_WITHIN_S) -> None:
        """Set up.

        Args:
            asks_within_s: Who hasn't asked for anything by then is let go.
        """
        self.asks_within_s = asks_within_s
        self._held: list[tuple[str, asyncio.Transport]] = []

    def admits(self, address: str, transport: asyncio.Transport) -> bool:
        """Whether there is room for one more."""
        if is_loopback_address(address):
            return True
        self._held = [held for held in self._held if not held[1].is_closing()]
        of_address = sum(held[0] == address for held in self._held)
        if of_address >= MOST_OF_ONE_ADDRESS or len(self._held) >= MOST_OF_THE_NETWORK:
            return False
        self._held.append((address, transport))
        return True


class _Connection(H11Protocol):
    """A connection that has to ask for something soon."""

    def __init__(self, *, door: Door, **given: Any) -> None:  # noqa: ANN401
        super().__init__(**given)
        self._door = door

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if self._door.admits(self.client[0] if self.client else "", transport):
            self.loop.call_later(self._door.asks_within_s, self._end_if_silent)
        else:
            transport.abort()

    def _end_if_silent(self) -> None:
        if self.scope is None:
            self.transport.abort()


def bind(settings: ApiSettings) -> socket.socket:
    """Take the API's address.

    Raises:
        ApiAddressTaken: It is taken, or not of this machine.
    """
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((settings.host, settings.port))
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        raise ApiAddressTaken(
            f"The API can't listen on {settings.host}:{settings.port} ({error.strerror}): "
            "stop the other program, or set another api.port."
        ) from None
    return listener


def url_of(listener: socket.socket) -> str:
    """Where the API is, for programs of this machine."""
    host, port = listener.getsockname()[:2]
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


async def serve(api: FastAPI, listener: socket.socket, door: Door | None = None) -> None:
    """Serve until cancelled; requests under way get a moment to end."""
    config = uvicorn.Config(
        api,
        http=cast(type[asyncio.Protocol], partial(_Connection, door=door or Door())),
        log_config=None,
        access_log=False,
        lifespan="off",
        proxy_headers=False,
        ws="websockets-sansio",
        ws_max_size=_LARGEST_FRAME_BYTES,
        ws_per_message_deflate=False,  # a state is a few kB: not worth its time, nor its memory for each screen
        timeout_graceful_shutdown=_GRACE_S,
    )
    server = _Server(config)
    serving = asyncio.create_task(server.serve(sockets=[listener]), name="uvicorn")
    try:
        await asyncio.shield(serving)
    except asyncio.CancelledError:
        server.should_exit = True
        await serving
        raise
