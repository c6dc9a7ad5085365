"""Writing, reading, acknowledging: the journal as the rest of the box sees it."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from uuid_utils.compat import uuid7

from programme.cloudevents import decode_event, encode_event
from programme.events import AbandonReason, AuthorisationAbandoned, ClockState, EpochOpened, EpochReason
from programme.state import PERPETUAL, held_grant, totals
from sync.chain import GENESIS, make_row
from sync.errors import AlreadyClosed, JournalBroken, JournalError, Unreadable
from sync.journal import AckOutcome, JobState, Journal, Transaction
from sync.wire import Head
from tests.sync.boxes import BOX, NOON, FakeClock, Shop, earned, redeemed, sold, voided


def test_a_new_journal_begins_with_the_epoch_of_the_enrolment(shop: Shop) -> None:
    (row,) = shop.journal.rows(1, 10, 10_000)
    event = decode_event(row.event)

    assert event.data == EpochOpened(epoch=shop.journal.epoch, reason=EpochReason.ENROLMENT, parent=None)
    assert event.source == BOX
    assert event.ordered_at > NOON
    assert row.previous == GENESIS
    assert shop.journal.epoch.startswith("1-")
    assert len(shop.journal.epoch) == len("1-") + 16
    assert shop.journal.head == row.link


def test_an_event_becomes_the_next_row_of_the_chain(shop: Shop) -> None:
    event = shop.append(earned())

    first, second = shop.journal.rows(1, 2, 10_000)
    assert second == make_row(epoch=shop.journal.epoch, seq=2, previous=first.hash, event=encode_event(event))
    assert decode_event(second.event) == event


def test_the_state_follows_the_events_and_outlives_the_process(shop: Shop) -> None:
    shop.append(earned(118))
    shop.close()
    shop.open()
    shop.append(earned(100))

    perpetual = shop.journal.submit(lambda tx: totals(tx.records, PERPETUAL)).result()

    assert perpetual.programmes["card"].earned_minor == 218


def test_a_work_sees_what_the_works_before_it_did(shop: Shop) -> None:
    grants = [shop.journal.submit(lambda tx: held_grant(tx.records)) for _ in range(2)]
    shop.give_grant()
    after = shop.journal.submit(lambda tx: held_grant(tx.records)).result()

    assert [grant.result() for grant in grants] == [None, None]
    assert after is not None
    assert after.grant_id == f"{shop.journal.epoch}/1"


def test_the_time_that_a_work_decides_by_is_the_time_of_its_event(shop: Shop) -> None:
    def slow(tx: Transaction) -> datetime:
        now = tx.now()
        shop.clock.pass_s(3)
        assert tx.append(uuid7(), earned()).ordered_at == now
        return now

    def idle(tx: Transaction) -> datetime:
        return tx.now()

    decided = shop.journal.submit(slow).result()
    looked = shop.journal.submit(idle).result()
    shop.clock.pass_s(5)

    assert looked - decided == timedelta(seconds=3)
    assert shop.append(earned()).ordered_at - looked == timedelta(seconds=5)


def test_records_are_a_whole_mapping(shop: Shop) -> None:
    event = shop.append(earned())

    def work(tx: Transaction) -> tuple[set[str], int, bool, bool]:
        return (
            set(tx.records),
            len(tx.records),
            f"operation/{event.event_id}" in tx.records,
            "day/1999-01-01" in tx.records,
        )

    keys, count, has_operation, has_other_day = shop.journal.submit(work).result()
    assert keys == {"epoch", "perpetual", "day/2026-05-04", f"operation/{event.event_id}"}
    assert (count, has_operation, has_other_day) == (4, True, False)


def test_a_work_that_fails_takes_nothing_else_with_it(shop: Shop) -> None:
    def work(tx: Transaction) -> None:
        tx.append(uuid7(), earned(900))
        tx.add_job("print", uuid7(), b"")
        raise LookupError("the printer's name is unknown")

    before = shop.journal.submit(lambda tx: tx.append(uuid7(), earned(1)))
    failing = shop.journal.submit(work)
    after = shop.journal.submit(lambda tx: tx.append(uuid7(), earned(2)))

    with pytest.raises(LookupError, match="printer"):
        failing.result()
    amounts = [decode_event(row.event).data for row in shop.journal.rows(2, 9, 10_000)]
    assert amounts == [before.result().data, after.result().data]
    assert shop.journal.jobs() == []
    perpetual = shop.journal.submit(lambda tx: totals(tx.records, PERPETUAL)).result()
    assert perpetual.programmes["card"].earned_minor == 3


def test_a_second_row_for_the_same_event_is_refused(shop: Shop) -> None:
    event = shop.append(earned())

    with pytest.raises(AlreadyClosed, match=str(event.event_id)):
        shop.append(earned(), event_id=event.event_id)
    assert shop.journal.queue().unbooked_rows == 2


@pytest.mark.parametrize("abandoned_first", [True, False])
def test_an_ask_ends_in_one_row(shop: Shop, abandoned_first: bool) -> None:
    asked = uuid7()
    abandonment = AuthorisationAbandoned(authorisation=asked, reason=AbandonReason.GIVEN_UP)

    def abandon() -> UUID:
        return shop.append(abandonment, closes=asked).event_id

    def operate() -> UUID:
        return shop.append(redeemed(), event_id=asked, closes=asked).event_id

    first, second = (abandon, operate) if abandoned_first else (operate, abandon)
    first()
    with pytest.raises(AlreadyClosed, match=str(asked)):
        second()
    with pytest.raises(AlreadyClosed):
        first()


def test_an_event_must_end_the_ask_that_its_writer_means(shop: Shop) -> None:
    with pytest.raises(ValueError, match="ends"):
        shop.append(redeemed(), closes=uuid7())


def test_rows_come_in_batches_of_a_size_and_never_empty(shop: Shop) -> None:
    for _ in range(5):
        shop.append(earned())
    size_bytes = len(shop.journal.rows(2, 2, 1)[0].event)

    assert [row.seq for row in shop.journal.rows(2, 6, 2 * size_bytes + 10)] == [2, 3]
    assert [row.seq for row in shop.journal.rows(3, 3, 1)] == [3]
    assert shop.journal.rows(7, 9, 10_000) == []
    assert shop.journal.rows(1, 9, 10_000, epoch="9-0000000000000000") == []


def test_jobs_live_with_their_operation_and_outlive_the_process(shop: Shop) -> None:
    def work(tx: Transaction) -> UUID:
        event = tx.append(uuid7(), sold())
        tx.add_job("print", event.event_id, b"receipt")
        return event.event_id

    event_id = shop.journal.submit(work).result()
    shop.close()
    shop.open()
    (job,) = shop.journal.jobs(JobState.QUEUED)
    shop.journal.update_job(job.job_id, JobState.UNCERTAIN, "no answer from the printer")

    assert (job.kind, job.event_id, job.payload) == ("print", event_id, b"receipt")
    assert shop.journal.jobs(JobState.QUEUED) == []
    found = shop.journal.job(job.job_id)
    assert found is not None
    assert (found.state, found.detail) == (JobState.UNCERTAIN, "no answer from the printer")


def test_the_queue_tells_rows_value_and_age(shop: Shop) -> None:
    shop.append(earned(118))
    oldest = shop.append(redeemed(50))
    shop.clock.pass_s(60)
    sale = shop.append(sold(2_000))
    shop.append(voided(sale))
    shop.append(earned(9_999, training=True))
    shop.take(shop.ack(2))

    queue = shop.journal.queue()

    assert queue.unbooked_rows == 4
    assert queue.value_at_risk_minor == {"EUR": 2_050}
    assert queue.oldest_unbooked_at == oldest.ordered_at


def test_an_empty_queue_has_no_oldest(shop: Shop) -> None:
    shop.take(shop.ack(1))

    queue = shop.journal.queue()

    assert (queue.unbooked_rows, queue.value_at_risk_minor, queue.oldest_unbooked_at) == (0, {}, None)


def test_acks_move_the_watermark_on(shop: Shop) -> None:
    for _ in range(3):
        shop.append(earned())

    assert shop.journal.watermark.seq == 0
    assert shop.take(shop.ack(0)) is AckOutcome.STALE
    assert shop.take(shop.ack(3)) is AckOutcome.ADVANCED
    assert shop.take(shop.ack(3)) is AckOutcome.STALE
    assert shop.take(shop.ack(2)) is AckOutcome.STALE
    assert shop.journal.watermark == shop.journal.rows(3, 3, 1)[0].link
    assert shop.take(shop.ack(4)) is AckOutcome.ADVANCED


def test_a_new_generation_of_central_takes_the_watermark_back(shop: Shop) -> None:
    for _ in range(3):
        shop.append(earned())
    shop.take(shop.ack(4))

    assert shop.take(shop.ack(2, generation=2)) is AckOutcome.ADVANCED
    assert shop.journal.watermark.seq == 2
    assert shop.take(shop.ack(4, generation=1)) is AckOutcome.STALE
    assert shop.journal.watermark.seq == 2


def test_an_ack_of_a_row_that_was_never_written_here_is_a_fork(shop: Shop) -> None:
    shop.append(earned())

    assert shop.take(shop.ack(2, hash="11" * 32)) is AckOutcome.FORKED
    assert shop.take(shop.ack(9, hash="11" * 32)) is AckOutcome.FORKED
    assert shop.journal.watermark.seq == 0


def test_an_ack_of_an_epoch_that_is_over_changes_nothing(shop: Shop) -> None:
    ack = shop.ack(1)
    shop.journal.open_epoch(EpochReason.FORK)

    assert shop.take(ack) is AckOutcome.STALE
    assert shop.journal.watermark.seq == 0


def test_an_ack_for_another_box_is_unreadable(shop: Shop) -> None:
    with pytest.raises(Unreadable, match="box-b"):
        shop.take(shop.ack(1, device="box-b"))


def test_an_ack_sets_the_clock(shop: Shop) -> None:
    shop.close()
    shop.clock.reboot("boot-2", NOON)
    shop.open()
    suspect = shop.append(earned())
    later = NOON + timedelta(days=3)
    shop.take(shop.ack(1, at=later))

    event = shop.append(earned())

    assert suspect.clock is ClockState.SUSPECT
    assert (event.clock, event.ordered_at > later) == (ClockState.SYNCED, True)


def test_what_left_the_box_stays_known(shop: Shop) -> None:
    first, second = shop.append(earned()), shop.append(earned())

    shop.journal.mark_sent(2)
    shop.close()
    shop.open()

    def is_sent(event_id: UUID) -> bool:
        return shop.journal.submit(lambda tx: tx.is_sent(event_id)).result()

    assert is_sent(first.event_id)
    assert not is_sent(second.event_id)
    assert not is_sent(uuid7())
    shop.take(shop.ack(3))
    assert is_sent(second.event_id)


def test_a_box_does_not_take_another_boxs_journal(shop: Shop) -> None:
    shop.close()

    with pytest.raises(JournalError, match="box 'box-a', and this is 'box-b'"):
        Journal.open(shop.path, device="box-b", key=shop.key, clock=shop.clock)
    with pytest.raises(JournalError, match="another journal key"):
        Journal.open(shop.path, device=BOX, key=Ed25519PrivateKey.generate(), clock=shop.clock)
    shop.open()


def test_a_journal_is_created_once_and_opened_by_one(shop: Shop) -> None:
    with pytest.raises(JournalError, match="another program"):
        Journal.open(shop.path, device=BOX, key=shop.key, clock=shop.clock)
    shop.close()
    with pytest.raises(JournalError, match="a journal already"):
        Journal.create(shop.path, device=BOX, key=shop.key, clock=shop.clock, signed_time=NOON)


def test_a_missing_journal_asks_for_enrolment(tmp_path: Path) -> None:
    with pytest.raises(JournalError, match="enrol"):
        Journal.open(tmp_path / "none", device=BOX, key=Ed25519PrivateKey.generate(), clock=FakeClock())


def test_a_file_that_is_no_database_is_broken(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    path.write_bytes(b"not a database, but long enough to be read as one" * 100)

    with pytest.raises(JournalBroken, match="damaged"):
        Journal.open(path, device=BOX, key=Ed25519PrivateKey.generate(), clock=FakeClock())


def test_a_newer_programs_journal_is_refused(shop: Shop) -> None:
    shop.close()
    shop.run_sql("PRAGMA user_version = 99")

    with pytest.raises(JournalError, match="newer program"):
        shop.open()


def test_a_closed_journal_takes_no_work(shop: Shop) -> None:
    journal = shop.journal
    shop.close()

    with pytest.raises(JournalError, match="closed"):
        journal.submit(lambda tx: tx.now())


def test_a_work_can_not_wait_for_another(shop: Shop) -> None:
    waiting = shop.journal.submit(lambda _: shop.journal.acknowledge(shop.ack(0), ""))

    with pytest.raises(RuntimeError, match="its own transaction"):
        waiting.result()


def test_heads_of_acks_are_kept_only_where_the_row_is_ours(shop: Shop) -> None:
    event = shop.append(earned(instrument="k1"))
    shop.load_replica("card", 7)
    shop.take(shop.ack(2, hash="22" * 32, heads={"card": Head(generation=1, version=7)}))

    own = shop.journal.submit(lambda tx: tx.own_since_counted("card", "k1")).result()

    assert own == (event,)
