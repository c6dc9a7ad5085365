"""Whether central hears its boxes: they can't be called silent while it is central that is cut off."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from central.ports import WallClock
from central.service import Link
from sync.errors import LinkError


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkState:
    """How the link to the broker is."""

    is_up: bool
    since: datetime


class NotedLink:
    """A link that remembers how it is; it counts as up until it is known to be down.

    Attributes:
        state: How it is now.
    """

    def __init__(self, link: Link, *, clock: WallClock) -> None:
        self._link = link
        self._clock = clock
        self.state = LinkState(is_up=True, since=clock.now())

    def publish(self, topic: str, payload: bytes) -> None:
        """Send at least once."""
        self._link.publish(topic, payload)

    def proved(self) -> None:
        """This connection carries messages."""
        self._link.proved()

    async def run(
        self,
        on_up: Callable[[], None],
        on_message: Callable[[str, bytes], None],
        on_down: Callable[[LinkError], None],
    ) -> None:
        """Stay connected for ever."""

        def up() -> None:
            self._note(is_up=True)
            on_up()

        def down(error: LinkError) -> None:
            self._note(is_up=False)
            on_down(error)

        await self._link.run(up, on_message, down)

    def _note(self, *, is_up: bool) -> None:
        if is_up != self.state.is_up:
            self.state = LinkState(is_up=is_up, since=self._clock.now())
