"""Batches of one box that queued up: received together, answered as far as they are one."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sync.topics import Up
from sync.wire import Verdict
from tests.central.world import CARD, Box, Centre, Replies


def send(centre: Centre, box: Box, *payloads: bytes) -> Replies:
    return centre.send_together(box.address.up(Up.JOURNAL), *payloads)


@pytest.fixture
def busy_box(centre: Centre, box_a: Box) -> Box:
    """Six rows: its opening and five earns."""
    card = centre.card()
    for _ in range(5):
        box_a.earned(card, 100)
    return box_a


def test_batches_that_follow_each_other_get_one_ack(centre: Centre, busy_box: Box) -> None:
    replies = send(centre, busy_box, busy_box.batch(1, 2), busy_box.batch(3, 5), busy_box.batch(6))

    assert replies.ack.seq == 6
    assert centre.balances()["holders"] == 500


def test_batches_that_overlap_or_leave_a_gap_are_answered_each(centre: Centre, busy_box: Box) -> None:
    replies = send(centre, busy_box, busy_box.batch(1, 3), busy_box.batch(2, 3), busy_box.batch(5))

    assert [ack.seq for ack in replies.acks] == [3, 3, 3]
    assert [(verdict.seq, verdict.verdict) for verdict in replies.acks[1].verdicts] == [
        (2, Verdict.DUPLICATE),
        (3, Verdict.DUPLICATE),
    ]
    assert [(resend.first_seq, resend.last_seq) for resend in replies.resends] == [(4, 4)]


def test_the_ack_of_several_tells_of_every_row(centre: Centre, busy_box: Box) -> None:
    busy_box.append_bytes(b"of no meaning")
    busy_box.append_bytes(b"neither")

    replies = send(centre, busy_box, busy_box.batch(1, 7), busy_box.batch(8))

    assert [verdict.seq for verdict in replies.ack.verdicts] == [7, 8]


def test_a_garbled_batch_among_others_is_asked_for_again_and_stops_none(centre: Centre, busy_box: Box) -> None:
    replies = send(centre, busy_box, busy_box.batch(1, 2), b"no batch", busy_box.batch(3))

    assert replies.ack.seq == 6
    assert [resend.one_by_one for resend in replies.resends] == []
    assert centre.balances()["holders"] == 500


def test_a_forged_batch_among_others_is_dropped_and_stops_none(centre: Centre, busy_box: Box, box_b: Box) -> None:
    forged = replace(busy_box, key=box_b.key).batch(3, 4)

    replies = send(centre, busy_box, busy_box.batch(1, 2), forged, busy_box.batch(3, 3))

    assert replies.ack.seq == 3


def test_a_forged_batch_alone_gets_no_answer(centre: Centre, busy_box: Box, box_b: Box) -> None:
    assert send(centre, busy_box, replace(busy_box, key=box_b.key).batch()).raw == []
    assert CARD not in centre.balances()
