"""Connection handlers that end when their server does."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class ConnectionSet:
    """The open connections of one server; `drop` ends them all, as a pulled cable does."""

    def __init__(self, handler: Handler) -> None:
        self._handler = handler
        self._tasks: set[asyncio.Task[None]] = set()

    def __len__(self) -> int:
        return len(self._tasks)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """The callback for asyncio.start_server: run the handler, then close, whatever ended it."""
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("a connection is served inside a task")
        self._tasks.add(task)
        try:
            await self._handler(reader, writer)
        except (ConnectionError, asyncio.CancelledError):
            pass  # the peer left, or `drop` was called: either way this connection is over
        finally:
            writer.transport.abort()
            self._tasks.discard(task)

    async def drop(self) -> None:
        """End every connection and wait until it is over."""
        tasks = [task for task in self._tasks if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
