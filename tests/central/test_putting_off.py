"""Received, then booked: what is put off changes nothing but time, and whoever needs a balance has it booked first."""

from __future__ import annotations

import contextlib
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from central.books import book_all
from central.deciding import decide
from central.store import unbooked
from programme.events import OPERATIONS, DeskDecision
from sync.wire import Ack
from tests.central.test_books import ACTS, FUNDER, Act, live, orders, what_is_told
from tests.central.world import CARD, VOUCHER, Box, Centre


def receive(centre: Centre, box: Box, first_seq: int = 1, last_seq: int | None = None) -> Ack:
    """A batch while others wait."""
    return centre.receive(box, first_seq, last_seq).ack


def waiting(centre: Centre) -> int:
    with centre.workshop.read() as work:
        return unbooked.count(work.db)


def test_a_batch_is_acknowledged_before_it_is_booked(centre: Centre, box_a: Box) -> None:
    box_a.earned(centre.card(), 118)

    ack = receive(centre, box_a)

    assert (ack.seq, ack.hash) == (2, box_a.rows[-1].hash.hex())
    assert centre.balances() == {}
    assert waiting(centre) == 2


def test_no_registry_version_counts_a_row_before_it_is_booked(centre: Centre, box_a: Box, box_b: Box) -> None:
    """A box would spend offline what it has spent already (docs/adr/0004)."""
    card = centre.card()
    centre.tick()
    box_a.earned(card, 118)

    assert receive(centre, box_a).heads == {}
    assert centre.birth(box_a).ack.heads == {}
    assert centre.batch(box_b).ack.heads[CARD].version == 1
    booked = centre.book_some()

    assert booked.ack.heads[CARD].version == 2
    assert [message.topic.rsplit("/", 1)[1] for message in booked.raw][:2] == ["registry", "ack"]
    (delta,) = booked.deltas
    assert [(entry.instrument, entry.balance_minor) for entry in delta.entries] == [(card, 118)]


def test_a_box_gets_its_grant_once_all_of_it_is_booked(centre: Centre, box_a: Box) -> None:
    (first, second) = sorted(centre.vouchers(box_a, 2))
    held = centre.grant(box_a)
    box_a.sold(first)

    assert centre.receive(box_a).grants == []
    box_a.redeemed(CARD, centre.card(), 6_000, grant=held.grant_id)
    assert centre.receive(box_a).grants == []
    (grant,) = centre.book_some().grants

    assert [voucher.instrument for voucher in grant.allowances[VOUCHER].consigned] == [second]


def test_an_ask_sees_what_was_received(centre: Centre, box_a: Box, box_b: Box) -> None:
    card, other = centre.card(), centre.card()
    box_a.earned(card, 1_000)
    box_a.earned(other, 500)
    receive(centre, box_a)

    answer = centre.ask(box_b, box_b.ask(CARD, card, 1_000))

    assert answer.approved
    assert centre.balances() == {"holders": 1_000, FUNDER: -1_000}
    assert waiting(centre) == 2, "what it didn't need"


def test_a_spend_that_was_received_is_gone_for_the_next_ask(centre: Centre, box_a: Box, box_b: Box) -> None:
    card = centre.card()
    box_a.earned(card, 1_000)
    centre.batch(box_a)
    asked = centre.ask(box_a, box_a.ask(CARD, card, 700)).ask.authorisation
    box_a.redeemed(CARD, card, 700, event_id=asked)
    receive(centre, box_a)

    assert centre.ask(box_b, box_b.ask(CARD, card, 301)).approved is False
    assert centre.ask(box_b, box_b.ask(CARD, card, 300)).approved is True


def test_an_ask_books_all_that_its_instrument_s_rows_change(centre: Centre, box_a: Box) -> None:
    """A late row uses a grant's ceiling up; the later spends of other cards are uncovered with it."""
    cards = [centre.card() for _ in range(6)]
    held = centre.grant(box_a)
    first_seq = len(box_a.rows) + 1
    for card in cards:
        box_a.redeemed(CARD, card, 2_000, grant=held.grant_id)
    centre.batch(box_a, first_seq + 1)
    receive(centre, box_a, first_seq, first_seq)

    centre.ask(box_a, box_a.ask(CARD, cards[0], 100))

    assert waiting(centre) == 0
    assert centre.balances() == {"loss": -12_000, "merchant:a": 10_000, "held:a": 2_000}


def test_a_decision_sees_what_was_received(centre: Centre, box_a: Box) -> None:
    spend = box_a.redeemed(CARD, centre.card(), 100)
    receive(centre, box_a)

    with centre.workshop.write() as work:
        decide(work, spend.event_id, DeskDecision.PAY, by="maite", loss_minor=100)

    assert centre.balances() == {"loss": -100, "merchant:a": 100}


def test_what_a_crash_left_is_booked_by_the_next_process(centre: Centre, box_a: Box) -> None:
    box_a.earned(centre.card(), 118)
    receive(centre, box_a)

    centre.restart()

    assert centre.handler.unbooked == 2
    centre.book_some()
    assert centre.handler.unbooked == 0
    assert centre.balances() == {"holders": 118, FUNDER: -118}


def test_a_crash_while_booking_leaves_all_of_it(centre: Centre, box_a: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    box_a.earned(centre.card(), 118)
    receive(centre, box_a)
    monkeypatch.setattr("central.books._register", fail)
    with pytest.raises(ZeroDivisionError):
        centre.book_some()
    monkeypatch.undo()

    assert waiting(centre) == 2
    assert centre.balances() == {}
    centre.book_some()
    assert centre.balances() == {"holders": 118, FUNDER: -118}


def test_a_repeated_batch_is_not_booked_twice(centre: Centre, box_a: Box) -> None:
    box_a.earned(centre.card(), 118)
    receive(centre, box_a)
    receive(centre, box_a)
    centre.book_some()
    receive(centre, box_a)

    assert waiting(centre) == 0
    assert centre.balances() == {"holders": 118, FUNDER: -118}


def test_a_large_batch_is_put_off_even_when_nothing_waits(centre: Centre, box_a: Box) -> None:
    """Booking it in one transaction would keep an ask waiting, and its delta would fit no message."""
    cards = [centre.card() for _ in range(2)]
    for _ in range(350):
        box_a.earned(cards[0], 1)
    centre.batch(box_a)

    assert waiting(centre) == 351
    assert centre.book_some().ack.seq == 351
    assert centre.balances() == {"holders": 350, FUNDER: -350}


def test_who_reads_the_books_beside_the_server_books_everything(
    centre: Centre, box_a: Box, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("central.books.AT_ONCE", 2)
    for _ in range(5):
        box_a.earned(centre.card(), 10)
    receive(centre, box_a)

    book_all(centre.workshop)

    assert centre.balances() == {"holders": 50, FUNDER: -50}
    assert centre.book_some().raw[1:] == [], "the server notices, and has nothing left to do"
    assert centre.handler.unbooked == 0


STEPS = st.lists(st.sampled_from(["receive", "book", "ask", "batch"]), min_size=1, max_size=12)


@settings(max_examples=25, deadline=None)
@given(acts=st.lists(ACTS, min_size=1, max_size=12), steps=STEPS, data=st.data())
def test_whatever_is_put_off_the_books_end_the_same_and_hold_meanwhile(
    founded_in_folder: Centre, acts: list[Act], steps: list[str], data: st.DataObject
) -> None:
    with TemporaryDirectory() as folder, contextlib.ExitStack() as opened, pytest.MonkeyPatch.context() as patch:
        centre = opened.enter_context(contextlib.closing(founded_in_folder.again(Path(folder) / "one")))
        boxes = live(centre, acts)
        other = opened.enter_context(contextlib.closing(centre.copy(Path(folder) / "two")))
        patch.setattr("central.books.AT_ONCE", 2)
        places = iter(data.draw(orders(boxes)))
        for step, (who, seq) in zip(steps * 3, places, strict=False):
            match step:
                case "receive":
                    receive(centre, boxes[who], seq, seq)
                case "batch":
                    centre.batch(boxes[who], seq, seq)
                case "book":
                    centre.book_some()
                case "ask":
                    ask_about(centre, boxes[who], seq)
            assert centre.audit().holds
        for box in boxes:
            receive(centre, box)
            other.batch(box)
        book_all(centre.workshop)
        book_all(other.workshop)

        assert what_is_told(centre) == what_is_told(other)


def ask_about(centre: Centre, box: Box, seq: int) -> None:
    """Have central book one instrument, and no more: an ask that is refused leaves nothing in the books."""
    named = [event.data for event in box.events[seq - 1 :] if isinstance(event.data, OPERATIONS)]
    if named:
        centre.ask(box, box.ask(named[0].programme, named[0].instrument, 1_000_000))
