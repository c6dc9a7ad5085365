"""The running centre: messages in, one worker that applies them, messages out. Events in, nothing decided here.

One worker applies messages one at a time. Asks go first, for a customer waits; an ask carries the rows it rests on, so
it may overtake its own box's batches; but something else has its turn after every few asks. Replies are published after
the commit only. While batches queue up they are only received; what they brought is booked, some at a time, when
nothing waits or when it has become too much (docs/adr/0013). What commands such as `issue` write beside the running
server is noticed by a cheap look at the database every second.
"""

from __future__ import annotations

import asyncio
import functools
from collections import deque
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Protocol

from structlog.typing import FilteringBoundLogger

from central.handler import Handler
from central.ports import Outgoing
from sync.errors import LinkError, Unreadable
from sync.topics import Up, parse_up

TICK_S = 1.0
MAX_WAITING_BYTES = 64 * 1024 * 1024
"""Beyond this, batches are dropped; boxes send what isn't acknowledged again."""
MAX_WAITING_ASK_BYTES = 16 * 1024 * 1024
"""Beyond this, the oldest asks are dropped: they have deadlines, and whoever waited longest has given up first."""
_OVERHEAD_BYTES = 256
MAX_UNBOOKED = 50_000
"""Beyond this, some is booked after every message: what isn't booked is late for everybody who reads balances."""
FOLLOWING = 2
"""Batches received with the one before them: about as many rows as one may hold, and no longer than an ask can wait."""
ASKS_IN_A_ROW = 8
"""Then one other message, so that asks can't keep the books from being kept."""


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A message in the queue; a tick has no topic."""

    topic: str | None
    payload: bytes = b""

    @property
    def size_bytes(self) -> int:
        """What it takes in memory, roughly: a million empty messages are not nothing."""
        return len(self.payload) + len(self.topic or "") + _OVERHEAD_BYTES


class Inbox:
    """What waits for the worker, bounded: asks first, but not only asks."""

    def __init__(self) -> None:
        self._asks: deque[Waiting] = deque()
        self._others: deque[Waiting] = deque()
        self._ask_bytes = self._other_bytes = 0
        self._asks_in_a_row = 0
        self._batches = 0
        self._tick_waits = False
        self._filled = asyncio.Event()

    @property
    def is_empty(self) -> bool:
        """Whether nothing waits."""
        return not self._asks and not self._others

    @property
    def batch_waits(self) -> bool:
        """Whether rows of some box wait."""
        return self._batches > 0

    @property
    def ask_waits(self) -> bool:
        """Whether a customer waits."""
        return bool(self._asks)

    def add(self, message: Waiting) -> list[Waiting]:
        """Queue a message.

        Returns:
            What had to be dropped for want of room.
        """
        dropped = []
        if _channel(message) is Up.ASK:
            self._asks.append(message)
            self._ask_bytes += message.size_bytes
            while self._ask_bytes > MAX_WAITING_ASK_BYTES:
                dropped.append(self._asks.popleft())
                self._ask_bytes -= dropped[-1].size_bytes
        elif self._other_bytes + message.size_bytes > MAX_WAITING_BYTES:
            return [message]
        else:
            self._others.append(message)
            self._other_bytes += message.size_bytes
            self._batches += _channel(message) is Up.JOURNAL
        self._filled.set()
        return dropped

    def add_tick(self) -> None:
        """Queue a tick before all but asks, unless one waits: however much waits, it comes every second."""
        if not self._tick_waits:
            tick = Waiting(topic=None)
            self._others.appendleft(tick)
            self._other_bytes += tick.size_bytes
            self._tick_waits = True
            self._filled.set()

    async def next(self) -> Waiting:
        """Wait for the next message."""
        while self.is_empty:
            self._filled.clear()
            await self._filled.wait()
        if self._asks and (self._asks_in_a_row < ASKS_IN_A_ROW or not self._others):
            message = self._asks.popleft()
            self._ask_bytes -= message.size_bytes
            self._asks_in_a_row += 1
        else:
            message = self._others.popleft()
            self._other_bytes -= message.size_bytes
            self._batches -= _channel(message) is Up.JOURNAL
            self._asks_in_a_row = 0
            self._tick_waits = self._tick_waits and message.topic is not None
        return message

    def take_following(self, batch: Waiting) -> list[bytes]:
        """Take the batches that wait right behind one of the same box, as many as may be received as one."""
        taken: list[bytes] = []
        while self._others and self._others[0].topic == batch.topic and len(taken) < FOLLOWING:
            following = self._others.popleft()
            self._other_bytes -= following.size_bytes
            self._batches -= 1
            taken.append(following.payload)
        return taken


class Service:
    """Central between its broker and its database."""

    def __init__(
        self,
        *,
        handler: Handler,
        link: Link,
        log: FilteringBoundLogger,
        on_applied: Callable[[], None] = lambda: None,
    ) -> None:
        """Set up.

        Args:
            handler: Applies messages.
            link: Brings and takes them.
            log: Tells what was done.
            on_applied: Called after each message, for who looks on.
        """
        self._handler = handler
        self._on_applied = on_applied
        self._link = link
        self._log = log
        self._inbox = Inbox()
        self._booking_failed = False

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
        for dropped in self._inbox.add(Waiting(topic=topic, payload=payload)):
            self._log.warning("too much waiting, message dropped", topic=(dropped.topic or "")[:120])

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

    async def _tick(self) -> None:
        while True:
            self._inbox.add_tick()
            await asyncio.sleep(TICK_S)

    async def _work(self, thread: ThreadPoolExecutor) -> None:
        loop = asyncio.get_running_loop()
        booked_last = False
        while True:
            booked_last = self._should_book(booked_last)
            waiting = None if booked_last else await self._inbox.next()
            if waiting is None:
                step = self._book
            elif _channel(waiting) is Up.JOURNAL:
                following = self._inbox.take_following(waiting)
                step = functools.partial(self._receive, waiting, following, self._inbox.batch_waits)
            else:
                step = functools.partial(self._apply, waiting)
            for message in await loop.run_in_executor(thread, step):
                self._publish(message)
            if waiting is None or waiting.topic is not None:
                self._on_applied()

    def _should_book(self, booked_last: bool) -> bool:
        """Whether it is the turn of what was put off."""
        if self._booking_failed:
            return False
        if self._handler.unbooked > MAX_UNBOOKED and not booked_last:
            return not self._inbox.ask_waits
        return self._handler.unbooked > 0 and self._inbox.is_empty

    def _receive(self, batch: Waiting, following: list[bytes], batch_waits: bool) -> list[Outgoing]:
        assert batch.topic is not None
        may_put_off = batch_waits or bool(following)
        if not following:
            return self._apply(batch, may_put_off=may_put_off)
        try:
            return self._handler.handle(batch.topic, batch.payload, following=following, may_put_off=may_put_off)
        # Together they all failed; one by one, only the defective one does.
        except Exception:  # noqa: BLE001
            self._log.exception("batches not applied together", topic=batch.topic)
        each = [batch, *(Waiting(topic=batch.topic, payload=payload) for payload in following)]
        return [message for alone in each for message in self._apply(alone, may_put_off=may_put_off)]

    def _apply(self, waiting: Waiting, *, may_put_off: bool = False) -> list[Outgoing]:
        try:
            if waiting.topic is None:
                self._booking_failed = False
                return self._handler.tick()
            return self._handler.handle(waiting.topic, waiting.payload, may_put_off=may_put_off)
        # The supervisor of single messages: its transaction is rolled back and nothing was acknowledged, so the box
        # keeps its rows; one message that meets a defect, or a full disk, must not stop every other box.
        except Exception:  # noqa: BLE001
            self._log.exception("message not applied; its rows stay unacknowledged", topic=waiting.topic)
            return []

    def _book(self) -> list[Outgoing]:
        try:
            return self._handler.book_some()
        # As above: what isn't booked stays noted, and is tried again after the next tick.
        except Exception:  # noqa: BLE001
            self._log.exception("not booked; it is tried again")
            self._booking_failed = True
            return []

    def _publish(self, message: Outgoing) -> None:
        try:
            self._link.publish(message.topic, message.payload)
        except (LinkError, Unreadable) as error:
            self._log.warning("not published; boxes ask again", topic=message.topic, reason=str(error))


def _channel(message: Waiting) -> Up | None:
    if message.topic is None:
        return None
    try:
        return parse_up(message.topic)[1]
    except Unreadable:
        return None
