"""The running centre: messages in, one worker that applies them, messages out. Events in, nothing decided here.

One worker applies messages one at a time. Asks go first, for a customer waits; an ask carries the rows it rests on, so
it may overtake its own box's batches. Replies are published after the commit only. What commands such as `issue` write
beside the running server is noticed by a cheap look at the database every second.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Protocol

from structlog.typing import FilteringBoundLogger

from central.handler import Handler
from central.ports import Outgoing
from sync.errors import LinkError, Unreadable
from sync.topics import Up, parse_up

TICK_S = 1.0
MAX_WAITING_BYTES = 64 * 1024 * 1024
"""Beyond this, batches are dropped; boxes send what isn't acknowledged again."""


class Link(Protocol):
    """The connection to the broker."""

    def publish(self, topic: str, payload: bytes) -> None:
        """Send at least once.

        Raises:
            LinkError: There is no connection now.
            Unreadable: It is larger than brokers take.
        """
        ...

    def proved(self) -> None:
        """This connection carries messages."""
        ...

    async def run(
        self,
        on_up: Callable[[], None],
        on_message: Callable[[str, bytes], None],
        on_down: Callable[[LinkError], None],
    ) -> None:
        """Stay connected for ever."""
        ...


@dataclass(frozen=True, slots=True, order=True)
class _Waiting:
    """A message in the queue; a tick has no topic."""

    priority: int
    number: int
    topic: str | None = field(compare=False)
    payload: bytes = field(compare=False)


_ASK, _OTHER, _TICK = range(3)


class Service:
    """Central between its broker and its database."""

    def __init__(self, *, handler: Handler, link: Link, log: FilteringBoundLogger) -> None:
        self._handler = handler
        self._link = link
        self._log = log
        self._queue: asyncio.PriorityQueue[_Waiting] = asyncio.PriorityQueue()
        self._waiting_bytes = 0
        self._number = 0

    async def run(self) -> None:
        """Serve until cancelled."""
        # One thread: SQLite has one writer anyway, and the loop stays free for the broker's pings.
        with ThreadPoolExecutor(max_workers=1, thread_name_prefix="central") as thread:
            async with asyncio.TaskGroup() as group:
                for name, task in self._tasks(thread).items():
                    group.create_task(task, name=name)

    def receive(self, topic: str, payload: bytes) -> None:
        """Queue a message from the broker."""
        self._link.proved()
        priority = _priority(topic)
        if priority != _ASK and self._waiting_bytes + len(payload) > MAX_WAITING_BYTES:
            self._log.warning("too much waiting, message dropped", topic=topic[:120])
            return
        self._put(priority, topic, payload)

    def _tasks(self, thread: ThreadPoolExecutor) -> dict[str, Coroutine[Any, Any, None]]:
        return {
            "mqtt": self._link.run(self._note_up, self.receive, self._note_down),
            "worker": self._work(thread),
            "tick": self._tick(),
        }

    def _note_up(self) -> None:
        self._log.info("broker there")

    def _note_down(self, error: LinkError) -> None:
        self._log.warning("broker gone", reason=str(error))

    def _put(self, priority: int, topic: str | None, payload: bytes) -> None:
        self._number += 1
        self._waiting_bytes += len(payload)
        self._queue.put_nowait(_Waiting(priority, self._number, topic, payload))

    async def _tick(self) -> None:
        while True:
            if self._queue.empty():
                self._put(_TICK, None, b"")
            await asyncio.sleep(TICK_S)

    async def _work(self, thread: ThreadPoolExecutor) -> None:
        loop = asyncio.get_running_loop()
        while True:
            waiting = await self._queue.get()
            self._waiting_bytes -= len(waiting.payload)
            for message in await loop.run_in_executor(thread, self._apply, waiting):
                self._publish(message)

    def _apply(self, waiting: _Waiting) -> list[Outgoing]:
        try:
            if waiting.topic is None:
                return self._handler.tick()
            return self._handler.handle(waiting.topic, waiting.payload)
        # The supervisor of single messages: its transaction is rolled back and nothing was acknowledged, so the box
        # keeps its rows; one message that meets a defect, or a full disk, must not stop every other box.
        except Exception:  # noqa: BLE001
            self._log.exception("message not applied; its rows stay unacknowledged", topic=waiting.topic)
            return []

    def _publish(self, message: Outgoing) -> None:
        try:
            self._link.publish(message.topic, message.payload)
        except (LinkError, Unreadable) as error:
            self._log.warning("not published; boxes ask again", topic=message.topic, reason=str(error))


def _priority(topic: str) -> int:
    try:
        _, channel = parse_up(topic)
    except Unreadable:
        return _OTHER
    return _ASK if channel is Up.ASK else _OTHER
