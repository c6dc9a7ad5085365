"""Whatever happens to a box, in whatever order, its journal verifies and tells the truth about itself."""

from __future__ import annotations

import tempfile
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from uuid_utils.compat import uuid7

from programme.cloudevents import decode_event
from programme.events import (
    CLOSURES,
    AbandonReason,
    AuthorisationAbandoned,
    DayClosed,
    Earned,
    EpochOpened,
    EpochReason,
    Event,
    Redeemed,
    Sold,
)
from programme.state import at_least
from sync.errors import AlreadyClosed
from sync.journal import AckOutcome
from sync.journal.verify import verify
from sync.wire import Head
from tests.sync.boxes import CENTRAL_KEY_ID, DAY, NOON, Shop, earned, redeemed, sold, voided

INSTRUMENTS = st.sampled_from(["k1", "k2"])
DAYS = st.sampled_from([DAY, DAY + timedelta(days=1), date(2026, 6, 1), date(2027, 1, 2)])
AMOUNTS = st.integers(1, 5_000)


class Box(RuleBasedStateMachine):
    """A box and what a careful observer would note of it."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.shop = Shop(Path(self.folder.name) / "journal.sqlite")
        self.shop.create()
        self.events: list[Event] = []
        self.generation = 1
        self.boots = 1

    def note(self, event: Event) -> None:
        self.events.append(event)

    @rule(amount_minor=AMOUNTS, instrument=INSTRUMENTS, day=DAYS)
    def earn(self, amount_minor: int, instrument: str, day: date) -> None:
        self.note(self.shop.append(earned(amount_minor, instrument, day=day)))

    @rule(amount_minor=AMOUNTS, instrument=INSTRUMENTS)
    def spend(self, amount_minor: int, instrument: str) -> None:
        self.note(self.shop.append(redeemed(amount_minor, instrument, grant=f"{self.shop.journal.epoch}/1")))

    @rule()
    def sell(self) -> None:
        self.note(self.shop.append(sold(instrument=f"v{len(self.events)}")))

    @rule()
    def take_grant(self) -> None:
        self.note(self.shop.give_grant())

    @rule()
    def give_up(self) -> None:
        asked = uuid7()
        self.note(self.shop.append(AuthorisationAbandoned(authorisation=asked, reason=AbandonReason.RESTARTED)))
        with pytest.raises(AlreadyClosed):
            self.shop.append(redeemed(), event_id=asked, closes=asked)

    @precondition(lambda self: self.operations())
    @rule(data=st.data())
    def void(self, data: st.DataObject) -> None:
        self.note(self.shop.append(voided(data.draw(st.sampled_from(self.operations())))))

    @rule(day=DAYS)
    def close_day(self, day: date) -> None:
        for closed in self.shop.close_periods(day):
            self.note(closed)

    @rule()
    def repeat(self) -> None:
        if self.events:
            with pytest.raises(AlreadyClosed):
                self.shop.append(earned(), event_id=self.events[-1].event_id)

    @rule(data=st.data())
    def acknowledge(self, data: st.DataObject) -> None:
        head = self.shop.journal.head
        assert head is not None
        seq = data.draw(st.integers(self.shop.journal.watermark.seq, head.seq))
        self.shop.take(self.shop.ack(seq, generation=self.generation, heads=self.heads()))
        assert self.shop.journal.watermark.seq == seq

    @rule(data=st.data())
    def lose_central(self, data: st.DataObject) -> None:
        self.generation += 1
        seq = data.draw(st.integers(0, self.shop.journal.watermark.seq))
        self.shop.take(self.shop.ack(seq, generation=self.generation))
        assert self.shop.journal.watermark.seq == seq

    @rule()
    def fork(self) -> None:
        head = self.shop.journal.head
        assert head is not None
        assert self.shop.take(self.shop.ack(head.seq, hash="ab" * 32, generation=self.generation)) is AckOutcome.FORKED
        self.shop.journal.open_epoch(EpochReason.FORK)
        assert self.shop.journal.watermark.seq == 0
        events = [decode_event(row.event) for row in self.shop.journal.rows(2, 10**6, 10**9)]
        closed_again = [event for event in events if isinstance(event.data, CLOSURES)]
        days = [event.data.business_day for event in closed_again if isinstance(event.data, DayClosed)]
        assert len(days) == len(set(days))
        self.events.extend(closed_again)

    @rule(reboot=st.booleans())
    def restart(self, reboot: bool) -> None:
        head = self.shop.journal.head
        self.shop.close()
        if reboot:
            self.boots += 1
            self.shop.clock.reboot(f"again-{self.boots}", NOON)
        self.shop.open()
        assert self.shop.journal.head == head

    def heads(self) -> dict[str, Head]:
        """The registry versions that hold what is acknowledged."""
        return {}

    def operations(self) -> list[Event]:
        return [event for event in self.events if isinstance(event.data, Earned | Redeemed | Sold)]

    @invariant()
    def it_verifies_drops_nothing_and_never_counts_back(self) -> None:
        report = verify(self.shop.path, keys={CENTRAL_KEY_ID: self.shop.central_key.public_key()})
        rows = [row for epoch in report.epochs for row in self.shop.journal.rows(1, 10**6, 10**9, epoch=epoch)]
        events = {event.event_id: event for event in (decode_event(row.event) for row in rows)}

        assert report.rows == len(rows)
        assert [event for event in events.values() if not isinstance(event.data, EpochOpened)] == self.events
        data = [event.data for event in events.values()]
        perpetual = [closed.perpetual for closed in data if isinstance(closed, CLOSURES)]
        assert all(at_least(later, earlier) == later for earlier, later in pairwise(perpetual))

    @invariant()
    def it_knows_what_is_not_booked(self) -> None:
        rows = self.shop.journal.rows(self.shop.journal.watermark.seq + 1, 10**6, 10**9)
        events = [decode_event(row.event) for row in rows]
        values = [event.data.amount_minor for event in events if isinstance(event.data, Earned | Redeemed | Sold)]
        queue = self.shop.journal.queue()

        assert queue.unbooked_rows == len(rows)
        assert queue.value_at_risk_minor == ({"EUR": sum(values)} if values else {})
        assert queue.oldest_unbooked_at == min((event.ordered_at for event in events), default=None)

    @invariant()
    def it_knows_its_own_operations(self) -> None:
        own = self.shop.journal.submit(lambda tx: tx.own_since_counted("card", "k1")).result()

        assert list(own) == [event for event in self.events if getattr(event.data, "instrument", None) == "k1"]

    def teardown(self) -> None:
        self.shop.close()
        self.folder.cleanup()


class ArchivingBox(Box):
    """A box that moves to archives what it may, whenever it may."""

    def __init__(self) -> None:
        super().__init__()
        for programme in ("card", "voucher"):
            self.shop.load_replica(programme, 1)

    def heads(self) -> dict[str, Head]:
        return {programme: Head(generation=1, version=1) for programme in ("card", "voucher")}

    @rule(rows_in_file=st.integers(1, 4))
    def archive(self, rows_in_file: int) -> None:
        before = len(list(self.shop.path.parent.glob("*/*.zst")))
        written = self.shop.journal.archive(before=NOON + timedelta(days=999), rows_in_file=rows_in_file)
        assert len(list(self.shop.path.parent.glob("*/*.zst"))) == before + written

    @invariant()
    def it_knows_what_is_not_booked(self) -> None:
        unbooked = self.shop.journal.rows(self.shop.journal.watermark.seq + 1, 10**6, 10**9)
        assert self.shop.journal.queue().unbooked_rows == len(unbooked)

    @invariant()
    def it_knows_its_own_operations(self) -> None:
        for event in self.events:
            with pytest.raises(AlreadyClosed):
                self.shop.append(earned(), event_id=event.event_id)


TestArchivingBox = ArchivingBox.TestCase
TestArchivingBox.settings = settings(max_examples=15, stateful_step_count=25, deadline=None)

TestBox = Box.TestCase
TestBox.settings = settings(max_examples=40, stateful_step_count=25, deadline=None)
