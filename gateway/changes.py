"""Tells whoever shows the counter that something changed; a burst of changes is one."""

from __future__ import annotations

import asyncio


class Changes:
    """A revision that rises, and a way to wait for it; for use on the event loop's thread.

    Attributes:
        revision: Of what there is to see now.
    """

    def __init__(self) -> None:
        self.revision = 1
        self._changed = asyncio.Event()

    def announce(self) -> None:
        """Something changed."""
        self.revision += 1
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()

    async def after(self, revision: int) -> int:
        """Wait for a later revision than this; the newest is returned."""
        while self.revision <= revision:
            await self._changed.wait()
        return self.revision
