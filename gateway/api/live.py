"""Clients that only listen: bounded in number, deaf to chatter, and never with more than one message waiting."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterator

from fastapi import WebSocket, WebSocketDisconnect

from gateway.errors import CounterError
from gateway.words import Problem

MOST_CLIENTS = 32
CHATTER_FRAMES = 3
"""A page says nothing; a little more is forgiven."""
STALLED_S = 20.0
"""Who takes nothing for so long is let go, and makes room."""

POLICY_VIOLATION, TRY_AGAIN_LATER = 1008, 1013
"""Close codes (RFC 6455 §7.4.1 and its IANA registry)."""

Send = Callable[[str], Awaitable[None]]
Push = Callable[[Send], Awaitable[None]]


class Places:
    """How many may listen to one stream at once."""

    def __init__(self, most: int = MOST_CLIENTS) -> None:
        self.taken = 0
        self._most = most

    @contextlib.contextmanager
    def take(self) -> Iterator[None]:
        """Listen.

        Raises:
            CounterError: All places are taken.
        """
        if self.taken >= self._most:
            raise CounterError(Problem.TOO_MANY_SCREENS)
        self.taken += 1
        try:
            yield
        finally:
            self.taken -= 1


class Live:
    """The WebSockets of one stream."""

    def __init__(self, places: Places, *, language: str, stalled_s: float = STALLED_S) -> None:
        """Set up.

        Args:
            language: To say in why one is closed.
        """
        self._places = places
        self._language = language
        self._stalled_s = stalled_s

    async def serve(self, socket: WebSocket, push: Push) -> None:
        """Let `push` send until the client goes, stalls, or says more than it may.

        A slow client holds up its own `push` alone, which then goes on with what is newest.
        """
        await socket.accept()
        with contextlib.ExitStack() as place:
            try:
                place.enter_context(self._places.take())
            except CounterError as full:
                await _close(socket, TRY_AGAIN_LATER, full.say(self._language))
                return
            talked = await self._attend(socket, push)
        if talked:
            await _close(socket, POLICY_VIOLATION, "Clients only listen here.")

    async def _attend(self, socket: WebSocket, push: Push) -> bool:
        """Push and listen at once, until one of both ends.

        Returns:
            Whether the client talked.
        """

        async def send(text: str) -> None:
            async with asyncio.timeout(self._stalled_s):
                await socket.send_text(text)

        pushing = asyncio.ensure_future(push(send))
        listening = asyncio.ensure_future(_hears_chatter(socket))
        try:
            await asyncio.wait({pushing, listening}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            pushing.cancel()
            listening.cancel()
            await asyncio.wait({pushing, listening})
        with contextlib.suppress(asyncio.CancelledError, WebSocketDisconnect, TimeoutError):
            pushing.result()
        return not listening.cancelled() and listening.result()


async def _hears_chatter(socket: WebSocket) -> bool:
    """Wait until the client is gone, or said too much."""
    for _ in range(CHATTER_FRAMES):
        if (await socket.receive())["type"] == "websocket.disconnect":
            return False
    return True


async def _close(socket: WebSocket, code: int, reason: str) -> None:
    with contextlib.suppress(WebSocketDisconnect):  # gone meanwhile
        await socket.close(code, reason)
