"""WebSockets that only push: bounded in number, deaf to chatter, and never with more than one message waiting."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from fastapi import WebSocket, WebSocketDisconnect

MOST_CLIENTS = 32
CHATTER_FRAMES = 3
"""A page says nothing; a little more is forgiven."""

POLICY_VIOLATION, TRY_AGAIN_LATER = 1008, 1013
"""Close codes (RFC 6455 §7.4.1 and its IANA registry)."""


class Live:
    """The clients of one stream."""

    def __init__(self) -> None:
        self._clients = 0

    async def serve(self, socket: WebSocket, push: Callable[[], Awaitable[None]]) -> None:
        """Let `push` send until the client goes, or says more than it may.

        A slow client holds up its own `push` alone, which then goes on with what is newest.
        """
        await socket.accept()
        if self._clients >= MOST_CLIENTS:
            await socket.close(TRY_AGAIN_LATER, "Too many screens are open: close one.")
            return
        self._clients += 1
        pushing = asyncio.ensure_future(push())
        listening = asyncio.ensure_future(_listen(socket))
        try:
            await asyncio.wait({pushing, listening}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._clients -= 1
            for task in (pushing, listening):
                task.cancel()
            ended = await asyncio.gather(pushing, listening, return_exceptions=True)
        for error in ended:
            if isinstance(error, Exception) and not isinstance(error, WebSocketDisconnect):
                raise error


async def _listen(socket: WebSocket) -> None:
    """Return once the client is gone, or was closed for talking."""
    for _ in range(CHATTER_FRAMES):
        if (await socket.receive())["type"] == "websocket.disconnect":
            return
    await socket.close(POLICY_VIOLATION, "Clients only listen here.")
