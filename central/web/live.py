"""The office's state for all who look: drawn once for everybody, again when it changes, and never while nobody looks.

Whoever is slow misses what came in between, and gets the newest. The running service says when it has committed
something; what commands write beside it is noticed by a cheap stamp every second.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass

LOOK_EVERY_S = 1.0
AT_MOST_EVERY_S = 0.25
"""Between two looks, however much is committed."""
REST_SHARE = 4
"""After a look, rest so many times as long as it took: many boxes mustn't keep central drawing without end."""
MOST_WATCHERS = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """One state.

    Attributes:
        id: Another one for each state; unique over restarts.
        text: As JSON.
    """

    id: str
    text: str


class Board:
    """What everybody looks at; use it on one event loop."""

    def __init__(
        self, *, boot: str, stamp: Callable[[], object], draw: Callable[[], str], check: Callable[[], None]
    ) -> None:
        """Set up.

        Args:
            boot: Names this start.
            stamp: Changes when the state does; cheap. Called in a thread, as the others are.
            draw: Makes the state.
            check: Called every second while somebody looks, beside all else: it may take its time.
        """
        self._boot = boot
        self._stamp = stamp
        self._draw = draw
        self._check = check
        self._shown: object = None
        self._newest: Drawn | None = None
        self._revision = 0
        self._watchers = 0
        self._closed = False
        self._failed = False
        self._nudged = asyncio.Event()
        self._drawn = asyncio.Condition()
        self._keeper: asyncio.Task[None] | None = None

    @property
    def is_full(self) -> bool:
        """Whether nobody else may look."""
        return self._watchers >= MOST_WATCHERS

    def nudge(self) -> None:
        """Something may have changed."""
        self._nudged.set()

    async def close(self) -> None:
        """Let everybody go: central stops."""
        self._closed = True
        async with self._drawn:
            self._drawn.notify_all()

    async def watch(self, seen: str | None = None) -> AsyncGenerator[Drawn, None]:
        """Each state that is newer than the last one taken, until central stops.

        Args:
            seen: The id of what the caller has already.
        """
        self._watchers += 1
        if self._keeper is None:
            self._shown, self._newest, self._failed = None, None, False
            self._keeper = asyncio.create_task(self._keep(), name="office")
        try:
            while (newest := await self._newer_than(seen)) is not None:
                seen = newest.id
                yield newest
        finally:
            self._watchers -= 1
            if self._watchers == 0:
                await self._rest()

    async def _rest(self) -> None:
        keeper, self._keeper = self._keeper, None
        if keeper is not None:
            keeper.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await keeper

    async def _newer_than(self, seen: str | None) -> Drawn | None:
        async with self._drawn:
            await self._drawn.wait_for(lambda: self._is_over or (self._newest is not None and self._newest.id != seen))
            return None if self._is_over else self._newest

    @property
    def _is_over(self) -> bool:
        return self._closed or self._failed

    async def _keep(self) -> None:
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._keep_looking(), name="office look")
                group.create_task(self._keep_checking(), name="office check")
        except Exception:
            # Nobody may wait for ever for a state that can't be drawn; the last watcher tells the error.
            self._failed = True
            async with self._drawn:
                self._drawn.notify_all()
            raise

    async def _keep_looking(self) -> None:
        loop = asyncio.get_running_loop()
        while not self._closed:
            self._nudged.clear()
            started_s = loop.time()
            await self._look()
            await asyncio.sleep(rest_s(loop.time() - started_s))
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._nudged.wait(), LOOK_EVERY_S - AT_MOST_EVERY_S)

    async def _keep_checking(self) -> None:
        while not self._closed:
            await asyncio.to_thread(self._check)
            await asyncio.sleep(LOOK_EVERY_S)

    async def _look(self) -> None:
        stamp = await asyncio.to_thread(self._stamp)
        if stamp == self._shown:
            return
        text = await asyncio.to_thread(self._draw)
        async with self._drawn:
            # The stamp is older than the state: what changed between them is drawn again at the next look.
            self._shown = stamp
            self._revision += 1
            self._newest = Drawn(id=f"{self._boot}-{self._revision}", text=text)
            self._drawn.notify_all()


def rest_s(took_s: float) -> float:
    """How long to rest after a look that took so long."""
    return max(AT_MOST_EVERY_S, REST_SHARE * took_s)
