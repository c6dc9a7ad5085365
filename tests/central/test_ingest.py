"""Batches: each event booked once, whatever arrives how often and in what order."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from central import office
from central.attention import desk_to_json
from central.store import events, journal
from programme.canonical import canonical_bytes, from_bytes
from programme.cloudevents import encode_event
from programme.events import (
    DayClosed,
    Earned,
    EpochReason,
    Event,
    Evidence,
    InstrumentIssued,
    PeriodClosed,
    ProgrammeTotals,
    RowLink,
)
from programme.instants import MICROSECOND
from sync.chain import Row
from sync.closures import sign_closure
from sync.topics import Up
from sync.wire import MAX_BATCH_ROWS, MAX_MESSAGE_BYTES, Verdict, encode_batch
from tests.central.world import CARD, FILES, NOON, VOUCHER, Box, Centre

FUNDER = "funder:albret-communaute"


def waiting(centre: Centre) -> dict[str, list[dict[str, Any]]]:
    with centre.workshop.read() as work:
        return desk_to_json(work)


def test_a_batch_is_booked_and_acknowledged(centre: Centre, box_a: Box) -> None:
    card = centre.card()
    box_a.earned(card, 118)

    ack = centre.batch(box_a).ack

    assert (ack.device, ack.epoch, ack.seq, ack.hash) == ("box-a", box_a.epoch, 2, box_a.rows[-1].hash.hex())
    assert ack.verdicts == ()
    assert ack.heads[CARD].version == 2
    assert centre.balances() == {"holders": 118, FUNDER: -118}


def test_the_registry_changes_before_the_ack_names_its_head(centre: Centre, box_a: Box) -> None:
    card = centre.card()
    centre.tick()
    box_a.earned(card, 118)

    replies = centre.batch(box_a)

    assert [message.topic.rsplit("/", 1)[1] for message in replies.raw][:2] == ["registry", "ack"]
    (delta,) = replies.deltas
    assert (delta.from_version, delta.version) == (1, 2)
    assert [(entry.instrument, entry.balance_minor) for entry in delta.entries] == [(card, 118)]


def test_a_duplicate_batch_changes_nothing(centre: Centre, box_a: Box) -> None:
    box_a.earned(centre.card(), 118)
    first = centre.batch(box_a).ack
    before = centre.balances()

    second = centre.batch(box_a).ack

    assert (second.seq, second.hash) == (first.seq, first.hash)
    assert {verdict.verdict for verdict in second.verdicts} == {Verdict.DUPLICATE}
    assert centre.balances() == before


def test_a_gap_is_asked_for_and_then_contiguous(centre: Centre, box_a: Box) -> None:
    card = centre.card()
    for _ in range(4):
        box_a.earned(card, 100)
    centre.batch(box_a, 1, 1)

    replies = centre.batch(box_a, 4, 5)

    assert replies.ack.seq == 1
    (resend,) = replies.resends
    assert (resend.first_seq, resend.last_seq, resend.one_by_one) == (2, 3, False)
    assert centre.balances()["holders"] == 200
    assert centre.batch(box_a, 2, 3).ack.seq == 5
    assert centre.balances()["holders"] == 400


def test_the_same_gap_is_not_asked_for_without_a_pause(centre: Centre, box_a: Box) -> None:
    card = centre.card()
    for _ in range(3):
        box_a.earned(card, 100)
    centre.batch(box_a, 1, 1)

    assert len(centre.batch(box_a, 4, 4).resends) == 1
    assert centre.batch(box_a, 4, 4).resends == []
    centre.clock.advance(seconds=3)
    assert len(centre.batch(box_a, 4, 4).resends) == 1


def test_a_garbled_batch_is_asked_for_row_by_row(centre: Centre, box_a: Box) -> None:
    box_a.earned(centre.card(), 118)
    centre.batch(box_a, 1, 1)

    replies = centre.send(box_a, Up.JOURNAL, b"\x28garbled" + box_a.batch()[8:])

    (resend,) = replies.resends
    assert (resend.epoch, resend.first_seq, resend.one_by_one) == (box_a.epoch, 2, True)
    assert replies.acks == []


def test_an_unreadable_row_that_comes_alone_makes_no_busy_loop(centre: Centre, box_a: Box) -> None:
    centre.batch(box_a)
    garbled = b"not a batch"

    assert len(centre.send(box_a, Up.JOURNAL, garbled).resends) == 1
    assert centre.send(box_a, Up.JOURNAL, garbled).resends == []


def test_rows_that_do_not_hash_to_the_signed_head_are_asked_for_again(centre: Centre, box_a: Box) -> None:
    centre.batch(box_a)
    box_a.earned(centre.card(), 118)
    changed = replace(box_a.rows[-1], event=box_a.rows[-1].event.replace(b'"amount_minor":118', b'"amount_minor":999'))

    replies = centre.send(box_a, Up.JOURNAL, encode_batch(box_a.device, [changed], box_a.key))

    assert replies.resends[0].one_by_one
    assert centre.balances() == {}


def test_a_wrong_signature_is_dropped(centre: Centre, box_a: Box) -> None:
    box_a.earned(centre.card(), 118)
    box_a.key = Ed25519PrivateKey.generate()

    assert centre.batch(box_a).raw == []
    assert centre.balances() == {}


def test_an_unknown_type_is_quarantined_and_the_ack_moves_on(centre: Centre, box_a: Box) -> None:
    card = centre.card()
    event = box_a.earned(card, 118)
    box_a.rows.pop()
    strange = encode_event(event).replace(b"comptoir.earned.v1", b"comptoir.tickled.v9")
    box_a.append_bytes(strange)
    box_a.earned(card, 50)

    ack = centre.batch(box_a).ack

    assert ack.seq == 3
    assert [(verdict.seq, verdict.verdict) for verdict in ack.verdicts] == [(2, Verdict.QUARANTINED)]
    (row,) = waiting(centre)["quarantine"]
    assert row["event"] == strange.decode()
    assert "unknown type" in str(row["reason"])
    assert centre.balances()["holders"] == 50


def quarantined(centre: Centre, box: Box, event: Event) -> str:
    """Journal an event, expect the ack to pass it, and tell why it was set aside."""
    box.append(event)
    ack = centre.batch(box).ack
    assert ack.seq == len(box.rows)
    assert centre.balances() == {}
    (row,) = waiting(centre)["quarantine"]
    return str(row["reason"])


def an_earn(centre: Centre, box: Box) -> Event:
    earn = box.earned(centre.card(), 118)
    box.rows.pop()
    return earn


def test_an_event_ten_minutes_ahead_is_quarantined(centre: Centre, box_a: Box) -> None:
    late = replace(an_earn(centre, box_a), ordered_at=NOON + timedelta(minutes=10))

    assert "five minutes ahead" in quarantined(centre, box_a, late)


def test_an_event_four_minutes_ahead_is_booked_and_central_s_time_exceeds_it(centre: Centre, box_a: Box) -> None:
    ahead = NOON + timedelta(minutes=4)
    box_a.append(replace(an_earn(centre, box_a), ordered_at=ahead))

    assert centre.batch(box_a).ack.time > ahead
    assert centre.balances()["holders"] == 118


def test_rows_can_not_push_each_other_s_limit(centre: Centre, box_a: Box) -> None:
    card = centre.card()
    for minutes in (4, 8, 12):
        earn = box_a.earned(card, 10)
        box_a.rows.pop()
        box_a.append(replace(earn, ordered_at=NOON + timedelta(minutes=minutes)))

    verdicts = centre.batch(box_a).ack.verdicts

    assert [verdict.seq for verdict in verdicts] == [3, 4]


def test_central_s_time_never_goes_back(centre: Centre, box_a: Box) -> None:
    first = centre.batch(box_a).ack.time
    centre.clock.advance(hours=-1)
    box_a.earned(centre.card(), 118)

    assert centre.batch(box_a).ack.time >= first + MICROSECOND


def test_another_box_s_event_is_quarantined(centre: Centre, box_a: Box, box_b: Box) -> None:
    assert "another source" in quarantined(centre, box_a, replace(an_earn(centre, box_a), source=box_b.device))


def test_an_operation_of_another_shop_is_quarantined(centre: Centre, box_a: Box) -> None:
    box_a.shop = "b"

    assert "another shop" in quarantined(centre, box_a, an_earn(centre, box_a))


def test_a_box_can_not_issue(centre: Centre, box_a: Box) -> None:
    issued = InstrumentIssued(
        programme=VOUCHER, instrument="f0" * 16, currency="EUR", face_minor=5_000, activation_required=False
    )

    assert "only central" in quarantined(centre, box_a, box_a.event(issued))


def test_an_unknown_programme_and_an_unknown_version_are_quarantined(centre: Centre, box_a: Box) -> None:
    raw = encode_event(an_earn(centre, box_a))
    box_a.append_bytes(raw.replace(b"albret-card", b"no-such"))
    box_a.append_bytes(raw.replace(b'"rules_version":1', b'"rules_version":7'))

    centre.batch(box_a)

    reasons = [str(row["reason"]) for row in waiting(centre)["quarantine"]]
    assert ["unknown programme" in reasons[0], "unknown version 7" in reasons[1]] == [True, True]


def test_a_voucher_taken_for_another_amount_is_quarantined(centre: Centre, box_a: Box) -> None:
    (voucher,) = centre.vouchers(box_a)
    box_a.sold(voucher)
    box_a.redeemed(VOUCHER, voucher, 1_999)

    ack = centre.batch(box_a).ack

    assert [(verdict.seq, verdict.verdict) for verdict in ack.verdicts] == [(3, Verdict.QUARANTINED)]


def test_other_bytes_under_a_known_id_go_to_the_desk(centre: Centre, box_a: Box) -> None:
    card = centre.card()
    first = box_a.earned(card, 118)
    box_a.append_bytes(encode_event(first).replace(b'"amount_minor":118', b'"amount_minor":999'))

    ack = centre.batch(box_a).ack

    assert ack.seq == 3
    assert [(verdict.seq, verdict.verdict) for verdict in ack.verdicts] == [(3, Verdict.CONFLICT)]
    assert [row["event_id"] for row in waiting(centre)["conflicts"]] == [str(first.event_id)]
    assert centre.balances()["holders"] == 118


def test_a_row_set_aside_is_told_so_again(centre: Centre, box_a: Box) -> None:
    first = box_a.earned(centre.card(), 118)
    box_a.append_bytes(encode_event(first).replace(b'"amount_minor":118', b'"amount_minor":999'))
    box_a.append_bytes(b'{"x":1}')

    told = centre.batch(box_a).ack.verdicts
    again = centre.batch(box_a, 3).ack.verdicts

    assert [verdict.verdict for verdict in again] == [Verdict.CONFLICT, Verdict.QUARANTINED]
    assert again == told


def test_a_row_set_aside_is_told_of_in_every_later_ack(centre: Centre, box_a: Box) -> None:
    card = centre.card()
    first = box_a.earned(card, 118)
    box_a.append_bytes(b'{"x":1}')
    box_a.append_bytes(encode_event(first).replace(b'"amount_minor":118', b'"amount_minor":999'))
    centre.batch(box_a)  # its ack is lost
    box_a.earned(card, 5)

    next_one = centre.batch(box_a, 5).ack
    at_birth = centre.birth(box_a).ack

    waiting = [(3, Verdict.QUARANTINED), (4, Verdict.CONFLICT)]
    assert [(verdict.seq, verdict.verdict) for verdict in next_one.verdicts] == waiting
    assert [(verdict.seq, verdict.verdict) for verdict in at_birth.verdicts] == waiting


def test_an_ack_tells_of_the_latest_rows_set_aside_only(centre: Centre, box_a: Box) -> None:
    for number in range(MAX_BATCH_ROWS + 1):
        box_a.append_bytes(b'{"x":%d}' % number)
    centre.batch(box_a, 1, MAX_BATCH_ROWS)
    centre.batch(box_a, MAX_BATCH_ROWS + 1)
    box_a.earned(centre.card(), 5)

    replies = centre.batch(box_a, len(box_a.rows))

    assert [verdict.seq for verdict in replies.ack.verdicts] == list(range(3, MAX_BATCH_ROWS + 3))
    assert max(len(message.payload) for message in replies.raw) <= MAX_MESSAGE_BYTES


def test_a_row_not_later_than_the_one_before_it_is_quarantined(centre: Centre, box_a: Box) -> None:
    early = replace(an_earn(centre, box_a), ordered_at=datetime(1960, 1, 1, tzinfo=UTC))

    assert "not later than the row before" in quarantined(centre, box_a, early)


def test_an_early_row_of_another_branch_is_quarantined_too(centre: Centre, box_a: Box) -> None:
    card = centre.card()
    box_a.earned(card, 100)
    centre.batch(box_a)
    fork(box_a, keep=1)
    box_a.earned(card, 20)
    centre.batch(box_a, 2)
    early = box_a.earned(card, 3)
    box_a.rows.pop()
    box_a.append(replace(early, ordered_at=NOON))

    ack = centre.batch(box_a, 3).ack

    (row,) = waiting(centre)["quarantine"]
    assert "not later than the row before" in str(row["reason"])
    assert ack.verdicts == ()  # they speak of the branch that the ack names
    assert centre.balances()["holders"] == 120


def test_a_box_that_forked_is_told_what_central_booked_of_it(centre: Centre, box_a: Box) -> None:
    card = centre.card()
    box_a.earned(card, 100)
    box_a.earned(card, 10)
    assert centre.batch(box_a).ack.perpetual == {}
    fork(box_a, keep=2)

    at_birth = centre.birth(box_a).acks[0]
    box_a.earned(card, 3)
    at_its_batch = centre.batch(box_a, 3).ack

    assert at_birth.perpetual == {CARD: ProgrammeTotals(earned_minor=110, count=2)}
    assert at_its_batch.perpetual == {CARD: ProgrammeTotals(earned_minor=113, count=3)}


def test_a_box_with_as_many_rows_as_it_lost_is_told_at_its_birth(centre: Centre, box_a: Box) -> None:
    card = centre.card()
    box_a.earned(card, 100)
    centre.batch(box_a)
    fork(box_a, keep=1)
    box_a.earned(card, 3)
    box_a.earned(card, 4)

    assert centre.birth(box_a).acks[0].perpetual == {CARD: ProgrammeTotals(earned_minor=100, count=1)}


def test_a_box_that_sends_known_rows_before_those_it_lost_is_told_too(centre: Centre, box_a: Box) -> None:
    card = centre.card()
    box_a.earned(card, 100)
    box_a.earned(card, 10)
    centre.batch(box_a)
    fork(box_a, keep=2)

    ack = centre.batch(box_a).ack

    assert (ack.seq, ack.perpetual) == (3, {CARD: ProgrammeTotals(earned_minor=110, count=2)})


def test_a_closure_of_the_branch_that_knows_less_takes_nothing_away(centre: Centre, box_a: Box) -> None:
    card = centre.card()
    box_a.earned(card, 1_000)
    closed(box_a, earned_minor=1_100, count=7)  # the rest is of years before, archived since
    centre.batch(box_a)
    fork(box_a, keep=1)
    box_a.earned(card, 3)
    closed(box_a, earned_minor=103, count=7)

    ack = centre.batch(box_a, 2).ack

    assert ack.perpetual == {CARD: ProgrammeTotals(earned_minor=1_103, count=8)}


def test_what_is_older_is_taken_from_closures_alone(centre: Centre, box_a: Box) -> None:
    card = centre.card()
    box_a.earned(card, 100)
    closed(box_a, earned_minor=90, count=1)  # not what central would count itself
    centre.clock.advance(days=41)
    box_a.earned(card, 10)
    centre.batch(box_a)
    fork(box_a, keep=2)

    ack = centre.birth(box_a).acks[0]

    assert ack.perpetual == {CARD: ProgrammeTotals(earned_minor=100, count=2)}


def closed(box: Box, *, earned_minor: int, count: int) -> Event:
    totals = {CARD: ProgrammeTotals(earned_minor=earned_minor, count=count)}
    return box.happened(
        sign_closure(DayClosed(business_day=NOON.date(), totals={}, perpetual=totals, signature=""), box.key)
    )


def test_a_closure_stands_for_all_before_it(centre: Centre, box_a: Box) -> None:
    card = centre.card()
    box_a.earned(card, 100)
    closed(box_a, earned_minor=1_100, count=7)  # of years before, archived since
    box_a.earned(card, 10)
    centre.batch(box_a)
    fork(box_a, keep=2)

    ack = centre.birth(box_a).acks[0]

    assert ack.perpetual == {CARD: ProgrammeTotals(earned_minor=1_110, count=8)}


def test_a_month_closure_is_booked(centre: Centre, box_a: Box) -> None:
    sums = {CARD: ProgrammeTotals(earned_minor=100, count=1)}
    month = PeriodClosed(period="2026-05", totals=sums, perpetual=sums, signature="")
    box_a.happened(sign_closure(month, box_a.key))

    ack = centre.batch(box_a).ack

    assert (ack.seq, ack.verdicts) == (len(box_a.rows), ())


def test_an_ack_of_a_whole_batch_of_bad_rows_fits_into_a_message(centre: Centre, box_a: Box) -> None:
    earn = an_earn(centre, box_a)
    for _ in range(MAX_BATCH_ROWS - 1):
        box_a.append(replace(earn, event_id=box_a.ids.new_id(), source="\\" * 40))

    replies = centre.batch(box_a)

    assert len(replies.ack.verdicts) == MAX_BATCH_ROWS - 1
    assert max(len(message.payload) for message in replies.raw) <= MAX_MESSAGE_BYTES


def test_copies_after_an_opening_may_be_older_than_it_but_not_than_its_parent(centre: Centre, box_a: Box) -> None:
    card = centre.card()
    box_a.earned(card, 100)
    centre.batch(box_a)
    parent, copy = box_a.rows[-1].link, box_a.earned(card, 10)
    early = replace(box_a.event(copy.data), ordered_at=NOON)
    box_a.open_epoch("2-fedcba9876543210", parent)
    box_a.append(early)
    box_a.append(copy)

    ack = centre.batch(box_a).ack

    assert [(verdict.seq, verdict.verdict) for verdict in ack.verdicts] == [(2, Verdict.QUARANTINED)]
    assert centre.balances()["holders"] == 110


def test_an_epoch_after_a_row_of_an_impossible_seq_is_quarantined(centre: Centre, box_a: Box) -> None:
    centre.batch(box_a)
    box_a.open_epoch("2-fedcba9876543210", replace(box_a.rows[0].link, seq=2**63))

    ack = centre.batch(box_a).ack

    assert [(verdict.seq, verdict.verdict) for verdict in ack.verdicts] == [(1, Verdict.QUARANTINED)]


def fork(box: Box, keep: int) -> list[Row]:
    """Restore the disk as it was after some rows; returns the rows that this loses."""
    lost = box.rows[keep:]
    box.rows = box.rows[:keep]
    return lost


def test_a_fork_is_booked_by_id_and_the_ack_stays_on_central_s_branch(centre: Centre, box_a: Box) -> None:
    card = centre.card()
    box_a.earned(card, 100)
    box_a.earned(card, 10)
    box_a.earned(card, 1)
    centre.batch(box_a)
    central_s = fork(box_a, keep=2)
    box_a.earned(card, 20)
    box_a.earned(card, 2)
    box_a.earned(card, 3)

    ack = centre.batch(box_a, 3).ack

    assert (ack.seq, ack.hash) == (4, central_s[-1].hash.hex())
    assert [(row["seq"], row["hash"]) for row in waiting(centre)["forks"]] == [
        (row.seq, row.hash.hex()) for row in box_a.rows[2:]
    ]
    assert centre.balances()["holders"] == 136


def test_a_fork_s_rows_in_a_new_epoch_are_duplicates(centre: Centre, box_a: Box) -> None:
    card = centre.card()
    box_a.earned(card, 100)
    box_a.earned(card, 10)
    centre.batch(box_a)
    fork(box_a, keep=2)
    box_a.earned(card, 20)
    centre.batch(box_a, 3)
    copies = box_a.rows[2:]
    parent = RowLink(epoch=box_a.epoch, seq=2, hash=box_a.rows[1].hash.hex())
    box_a.open_epoch("2-fedcba9876543210", parent, EpochReason.FORK)
    for row in copies:
        box_a.append_bytes(row.event)

    ack = centre.batch(box_a).ack

    assert (ack.epoch, ack.seq) == ("2-fedcba9876543210", 2)
    assert [verdict.verdict for verdict in ack.verdicts] == [Verdict.DUPLICATE]
    assert centre.balances()["holders"] == 130


def of_new_rules(centre: Centre, box: Box, folder: Path) -> Event:
    """Journal an earn by rules that central has only afterwards; by then its row is in quarantine."""
    earn = an_earn(centre, box)
    assert isinstance(earn.data, Earned)
    newer = replace(earn, data=replace(earn.data, evidence=Evidence(rules_version=2)))
    box.append(newer)
    centre.batch(box)
    path = folder / "card.toml"
    path.write_text((FILES / f"{CARD}.toml").read_text().replace("version = 1", "version = 2"))
    office.load_programme(centre.workshop, path)
    return newer


def test_a_row_of_a_fork_is_judged_once_and_off_the_desk_when_its_copy_is_booked(
    centre: Centre, box_a: Box, tmp_path: Path
) -> None:
    box_a.earned(centre.card(), 100)
    centre.batch(box_a)
    fork(box_a, keep=1)
    newer = of_new_rules(centre, box_a, tmp_path)

    centre.batch(box_a, 2)
    assert (len(waiting(centre)["quarantine"]), centre.balances()["holders"]) == (1, 100)

    box_a.open_epoch("2-fedcba9876543210", box_a.rows[0].link)
    box_a.append(newer)
    centre.batch(box_a)
    assert (waiting(centre)["quarantine"], centre.balances()["holders"]) == ([], 218)


def test_a_row_in_quarantine_whose_copy_is_booked_counts_as_booked(centre: Centre, box_a: Box, tmp_path: Path) -> None:
    newer = of_new_rules(centre, box_a, tmp_path)
    other = list(box_a.rows)
    fork(box_a, keep=1)
    box_a.append_bytes(b"{}")
    box_a.append(newer)
    centre.batch(box_a, 2)  # its last row holds the same event
    box_a.rows = other

    assert [verdict.verdict for verdict in centre.batch(box_a).ack.verdicts] == [Verdict.DUPLICATE, Verdict.DUPLICATE]
    assert centre.balances()["holders"] == 118


def test_an_epoch_without_its_opening_has_none_when_its_first_row_s_event_is_booked(centre: Centre, box_a: Box) -> None:
    centre.batch(box_a)
    enrolled, earn = list(box_a.rows), an_earn(centre, box_a)
    box_a.epoch, box_a.rows = "2-fedcba9876543210", []
    box_a.append(earn)
    centre.batch(box_a)
    box_a.epoch, box_a.rows = "1-0123456789abcdef", enrolled
    box_a.append(earn)
    centre.batch(box_a, 2)

    assert centre.balances()["holders"] == 118
    assert [row["seq"] for row in waiting(centre)["quarantine"]] == [1]
    with centre.workshop.read() as work:
        assert journal.opened_epochs(work.db, "box-a") == {box_a.epoch}


def test_tentative_rows_of_another_branch_give_way_when_the_gap_is_filled(centre: Centre, box_a: Box) -> None:
    card = centre.card()
    box_a.earned(card, 100)
    box_a.earned(card, 10)
    box_a.earned(card, 1)
    centre.batch(box_a, 1, 2)
    centre.batch(box_a, 4, 4)
    (lost, tentative) = fork(box_a, keep=2)
    box_a.earned(card, 20)
    box_a.earned(card, 2)

    ack = centre.batch(box_a, 3, 4).ack

    assert ack.seq == 4
    assert ack.hash == box_a.rows[3].hash.hex()
    assert [row["hash"] for row in waiting(centre)["forks"]] == [tentative.hash.hex()]
    assert lost.seq == 3
    assert centre.balances()["holders"] == 123


def test_the_bytes_are_kept_verbatim(centre: Centre, box_a: Box) -> None:
    event = box_a.earned(centre.card(), 118)
    centre.batch(box_a)

    with centre.workshop.read() as work:
        stored = events.raw(work.db, event.event_id)

    assert stored == box_a.rows[1].event
    assert canonical_bytes(from_bytes(stored, dict[str, object])) == stored
