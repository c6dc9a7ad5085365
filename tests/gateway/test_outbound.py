"""What the outbox decides is carried out on a real journal."""

from __future__ import annotations

import asyncio

from gateway.outbound import Outbound
from sync.journal import AckOutcome
from sync.outbox import Acked, LinkUp
from sync.wire import read_batch
from tests.gateway.world import Box


class FakeLink:
    """Keeps what is published."""

    def __init__(self) -> None:
        self.is_up = True
        self.published: list[bytes] = []

    def publish(self, topic: str, payload: bytes, *, qos: int = 1, retain: bool = False) -> None:
        assert topic.endswith("/up/journal")
        assert (qos, retain) == (1, False)
        self.published.append(payload)

    @property
    def sent(self) -> list[tuple[str, int, int]]:
        """Epoch, first row and number of rows of each batch."""
        batches = [read_batch(payload) for payload in self.published]
        return [(batch.epoch, batch.first_seq, len(batch.rows)) for batch in batches]


def outbound_of(box: Box, link: FakeLink) -> Outbound:
    return Outbound(identity=box.identity, journal=box.journal, link=link, tick=lambda: None, epoch_begun=lambda: None)


def test_a_row_that_was_announced_before_a_new_epoch_stalls_nothing(box: Box) -> None:
    box.give_grant(number=1)
    box.give_grant(number=2)
    link = FakeLink()

    async def play() -> None:
        outbound = outbound_of(box, link)
        await outbound.feed(LinkUp())
        await outbound.feed(Acked(outcome=AckOutcome.FORKED, watermark_seq=0))
        await outbound.grown()  # of a row of the epoch before
        box.acknowledge_all()
        await outbound.feed(Acked(outcome=AckOutcome.ADVANCED, watermark_seq=box.journal.watermark.seq))
        box.give_grant()
        await outbound.grown()
        outbound.close()

    asyncio.run(play())

    assert link.sent[-2:] == [(box.journal.epoch, 1, 1), (box.journal.epoch, 2, 1)]
