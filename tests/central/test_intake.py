"""Events that are taken in: what every database can keep, or quarantine."""

from __future__ import annotations

from dataclasses import replace

from central.attention import desk_to_json
from programme.events import Earned
from tests.central.world import Box, Centre


def test_a_text_that_not_every_database_keeps_is_quarantined(centre: Centre, box_a: Box) -> None:
    earn = box_a.earned(centre.card(), 118)
    box_a.rows.pop()
    assert isinstance(earn.data, Earned)
    box_a.append(replace(earn, data=replace(earn.data, instrument="a\0b")))

    ack = centre.batch(box_a).ack

    assert ack.seq == 2
    with centre.workshop.read() as work:
        (row,) = desk_to_json(work)["quarantine"]
    assert "NUL" in str(row["reason"])
