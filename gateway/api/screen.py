"""The screen state: asked for, or pushed whole over a WebSocket at each change."""

from __future__ import annotations

from typing import Literal

from fastapi import FastAPI, WebSocket

from gateway.api.live import Live
from gateway.screen import Screen
from gateway.views import JSON

Language = Literal["fr", "en"]


def add_screen(api: FastAPI, screen: Screen) -> None:
    """Join the paths of the counter page."""
    live = Live()

    @api.get("/v1/screen", tags=["screen"])
    async def state(language: Language | None = None) -> JSON:
        """All that a counter page shows."""
        return await screen.state(language)

    @api.websocket("/v1/screen/live")
    async def follow(socket: WebSocket, language: Language | None = None) -> None:
        async def push() -> None:
            revision = 0
            while True:
                revision = await screen.changes.after(revision)
                await socket.send_json({"screen": await screen.state(language)})

        await live.serve(socket, push)
