"""The screen state: asked for, or pushed whole over a WebSocket at each change."""

from __future__ import annotations

import asyncio
import contextlib
import json
from datetime import date
from typing import Literal

from fastapi import FastAPI, WebSocket

from gateway.api.live import Live, Places, Send
from gateway.screen import Screen
from gateway.views import JSON

_LOOK_AT_CALENDAR_S = 60.0
"""A page that is left open sees the next business day so soon, also when nothing happens."""

Language = Literal["fr", "en"]


class _Drawn:
    """The frame to push, drawn once for all the screens of a language."""

    def __init__(self, screen: Screen) -> None:
        self._screen = screen
        self._drawing = asyncio.Lock()
        self._frames: dict[str | None, tuple[int, date, str]] = {}

    async def frame(self, language: str | None) -> tuple[int, date, str]:
        """The newest: its revision, its business day, its text."""
        async with self._drawing:
            newest = (self._screen.changes.revision, self._screen.agent.business_day)
            if language not in self._frames or self._frames[language][:2] != newest:
                state = await self._screen.state(language)
                text = json.dumps({"screen": state}, ensure_ascii=False, separators=(",", ":"))
                self._frames[language] = (*newest, text)
            return self._frames[language]


def add_screen(api: FastAPI, screen: Screen, *, look_at_calendar_s: float = _LOOK_AT_CALENDAR_S) -> None:
    """Join the paths of the counter page."""
    live = Live(Places(), language=screen.agent.views.language)
    drawn = _Drawn(screen)

    @api.get("/v1/screen", tags=["screen"])
    async def state(language: Language | None = None) -> JSON:
        """All that a counter page shows."""
        return await screen.state(language)

    @api.websocket("/v1/screen/live")
    async def follow(socket: WebSocket, language: Language | None = None) -> None:
        async def push(send: Send) -> None:
            while True:
                revision, day, text = await drawn.frame(language)
                await send(text)
                while screen.changes.revision == revision and screen.agent.business_day == day:
                    with contextlib.suppress(TimeoutError):
                        async with asyncio.timeout(look_at_calendar_s):
                            await screen.changes.after(revision)

        await live.serve(socket, push)
