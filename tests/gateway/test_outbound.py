"""What the outbox decides is carried out on a real journal."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from datetime import timedelta
from uuid import UUID

import pytest
from uuid_utils.compat import uuid7

from gateway.outbound import Outbound
from programme.cloudevents import decode_event
from programme.decide import Earn
from sync.journal import AckOutcome
from sync.outbox import Acked, LinkUp
from sync.wire import Head, read_batch, verify_batch
from tests.gateway.world import CARD, NOON, Box


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


@pytest.mark.parametrize("junk", ["x'ff'", "x'20'"], ids=["no text", "other bytes"])
def test_a_row_that_was_damaged_while_the_box_ran_is_never_sent(box: Box, junk: str) -> None:
    epoch = box.journal.epoch
    cards = [asyncio.run(_earn(box, serial)) for serial in (1, 2, 3)]
    with closing(sqlite3.connect(box.path, isolation_level=None)) as disk:
        disk.execute(f"UPDATE rows SET event = CAST({junk} || event AS BLOB) WHERE seq = 3")
    link = FakeLink()

    async def play() -> None:
        outbound = outbound_of(box, link)
        await outbound.feed(LinkUp())
        outbound.close()

    asyncio.run(play())

    assert box.journal.epoch != epoch
    (batch,) = [read_batch(payload) for payload in link.published]
    sent = [decode_event(row.event).event_id for row in verify_batch(batch, box.key.public_key())]
    assert sent[1:] == [cards[0], cards[2]]
    assert [tracked.event.event_id for tracked in box.lookup.last_operations(9)][:2] == [cards[2], cards[0]]
    assert box.lookup.find(cards[1]) is None


def test_an_archive_that_is_lost_keeps_nothing_else_back(box: Box) -> None:
    box.knows_card(1, 0)
    for _ in range(7):
        asyncio.run(_earn(box, 1))
    box.acknowledge_all(heads={CARD: Head(generation=1, version=1)})
    box.journal.archive(before=NOON + timedelta(days=1), rows_in_file=2)
    box.central_is_put_back()
    next((box.folder / "archive").glob("000000000003-*")).unlink()
    asyncio.run(_earn(box, 1))
    link = FakeLink()

    async def play() -> None:
        outbound = outbound_of(box, link)
        await outbound.feed(LinkUp())
        outbound.close()

    asyncio.run(play())

    assert link.sent == [(box.journal.epoch, 1, 2), (box.journal.epoch, 5, 5)]


async def _earn(box: Box, serial: int) -> UUID:
    command = Earn(code=box.desk.resolve(box.central.card(serial)), basket_minor=2_000)
    return (await box.counter.operate(command, uuid7())).event_id
