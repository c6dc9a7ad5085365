"""A box's API on a real socket, for clients that stay."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

from fastapi import FastAPI

from edge_config.settings import ApiSettings
from gateway.server import Door, bind, serve


@contextlib.asynccontextmanager
async def served(api: FastAPI, door: Door | None = None) -> AsyncIterator[str]:
    """Serve for a while; yields host and port."""
    listener = bind(ApiSettings(port=0))
    serving = asyncio.ensure_future(serve(api, listener, door))
    host, port = listener.getsockname()
    try:
        yield f"{host}:{port}"
    finally:
        serving.cancel()
        await asyncio.wait({serving})
