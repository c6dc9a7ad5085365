"""Serves the local API on a socket that is bound before anything else is said to be ready."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Iterator

import uvicorn
from fastapi import FastAPI

from edge_config.settings import ApiSettings
from gateway.errors import ApiAddressTaken

_BACKLOG = 128
_GRACE_S = 2
_LARGEST_FRAME_BYTES = 4_096
"""Of a WebSocket: pages only listen."""


class _Server(uvicorn.Server):
    """Leaves signals to the agent, which ends everything in order."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


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


async def serve(api: FastAPI, listener: socket.socket) -> None:
    """Serve until cancelled; requests under way get a moment to end."""
    config = uvicorn.Config(
        api,
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
