"""Central's signed time never goes back, and no box pushes it."""

from __future__ import annotations

from datetime import timedelta

from central.intake import MAX_AHEAD
from programme.instants import MICROSECOND
from sync.wire import Verdict
from tests.central.world import NOON, Box, Centre


def test_signed_time_survives_a_wall_clock_that_is_set_back(centre: Centre, box_a: Box) -> None:
    grant = centre.grant(box_a)
    centre.clock.advance(hours=1)
    before = centre.birth(box_a, grant=grant.grant_id).ack.time
    centre.clock.advance(hours=-1)
    centre.restart()

    assert centre.birth(box_a, grant=grant.grant_id).ack.time >= before


def test_rows_by_a_time_signed_before_the_wall_clock_was_set_back_are_booked(centre: Centre, box_a: Box) -> None:
    grant = centre.grant(box_a)
    card = centre.card()
    centre.clock.advance(hours=1)
    box_a.last_at = centre.birth(box_a, grant=grant.grant_id).ack.time
    centre.clock.advance(hours=-1)

    box_a.earned(card, 100)

    assert Verdict.QUARANTINED not in {verdict.verdict for verdict in centre.batch(box_a).ack.verdicts}


def test_a_box_does_not_push_its_limit_by_its_own_rows(centre: Centre, box_a: Box) -> None:
    card = centre.card()
    for steps in range(1, 4):
        box_a.last_at = NOON + steps * (MAX_AHEAD - timedelta(seconds=1))
        box_a.earned(card, 100)
        ack = centre.batch(box_a, len(box_a.rows)).ack

    assert [verdict.verdict for verdict in ack.verdicts] == [Verdict.QUARANTINED]
    assert ack.time <= NOON + MAX_AHEAD + MICROSECOND
