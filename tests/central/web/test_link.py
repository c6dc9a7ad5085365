"""The link to the broker remembers whether it is up, and since when."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta

from central.web.link import LinkState, NotedLink
from sync.errors import LinkError
from tests.central.world import NOON, ManualClock


class Connection:
    """Goes up and down as the test says."""

    def publish(self, topic: str, payload: bytes) -> None:
        pass

    def proved(self) -> None:
        pass

    async def run(
        self,
        on_up: Callable[[], None],
        on_message: Callable[[str, bytes], None],  # noqa: ARG002
        on_down: Callable[[LinkError], None],
    ) -> None:
        self.up = on_up
        self.down = on_down


def test_it_remembers_since_when_it_is_up_or_down_and_tells_on() -> None:
    clock, connection = ManualClock(), Connection()
    link = NotedLink(connection, clock=clock)
    told: list[str] = []
    asyncio.run(link.run(lambda: told.append("up"), lambda *_: None, lambda _: told.append("down")))
    assert link.state == LinkState(is_up=True, since=NOON)

    for minute in (1, 2):
        clock.at = NOON + timedelta(minutes=minute)
        connection.down(LinkError("gone"))
    assert link.state == LinkState(is_up=False, since=NOON + timedelta(minutes=1))

    clock.at = NOON + timedelta(minutes=3)
    connection.up()

    assert link.state == LinkState(is_up=True, since=NOON + timedelta(minutes=3))
    assert told == ["down", "down", "up"]
