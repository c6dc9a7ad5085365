"""The part of the screen state that only rows change: drawn once, and again whenever there is something else to see."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from gateway.configured import read_configuration
from gateway.daybook import Daybook
from programme.events import EpochReason, Sold, Voided
from tests.gateway.till import Till


@pytest.fixture
def busy(till: Till) -> Till:
    """A box that has sold a voucher and credited a card."""
    till.box.give_grant(1, 2)
    till.operate(kind="sell", programme="albret-voucher", amount="20,00")
    till.operate(kind="earn", amount="10,00", code=till.box.central.card(1))
    return till


def configure_anew(till: Till) -> None:
    box = till.box
    box.counter.configured = replace(read_configuration(box.identity.enrolment.configuration, box.identity))


CHANGES: dict[str, Callable[[Till], object]] = {
    "an operation": lambda till: till.operate(kind="earn", amount="10,00", code=till.box.central.card(1)),
    "a void": lambda till: till.operate(kind="void"),
    "a closure": lambda till: till.http.post("/v1/day-closures"),
    "what was sent": lambda till: till.box.journal.mark_sent(till.box.journal.head.seq),  # type: ignore[union-attr]
    "what was booked": lambda till: till.box.acknowledge_all(),
    "another grant": lambda till: till.box.give_grant(2, 3, 4, number=2),
    "the next day": lambda till: till.box.clock.go_to(till.box.clock.wall + timedelta(days=1)),
    "training": lambda till: till.http.put("/v1/training", json={"on": True}),
    "another configuration": configure_anew,
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_it_is_drawn_again_for(busy: Till, change: Callable[[Till], object]) -> None:
    daybook, agent = Daybook(), busy.screen.agent
    before = daybook.view(agent)

    change(busy)

    assert daybook.view(agent) is not before
    assert daybook.view(agent) == Daybook().view(agent)


def test_a_scan_finds_it_drawn(busy: Till) -> None:
    daybook, agent = Daybook(), busy.screen.agent
    before = daybook.view(agent)

    busy.box.desk.place(busy.box.central.card(2), device="douchette")

    assert daybook.view(agent) is before


def test_each_language_has_its_own(busy: Till) -> None:
    daybook, agent = Daybook(), busy.screen.agent

    french, english = daybook.view(agent), daybook.view(agent.speaking("en"))

    assert [view["operations"][0]["message"] for view in (french, english)] == ["0,50\u00a0€ gagnés.", "€0.50 earned."]


def test_what_was_voided_as_an_exercise_stands(printing_till: Till) -> None:
    till = printing_till
    till.box.give_grant(1)
    till.operate(kind="sell", programme="albret-voucher", amount="20,00")
    (sold,) = till.box.lookup.last_operations(1)
    assert isinstance(sold.event.data, Sold)
    till.box.append(
        Voided(
            programme=sold.event.data.programme,
            instrument=sold.event.data.instrument,
            currency="EUR",
            target=sold.event.event_id,
            amount_minor=2_000,
            counter=replace(sold.event.data.counter, training=True),
            evidence=sold.event.data.evidence,
        )
    )

    void, sale = Daybook().view(till.screen.agent)["operations"]

    assert (void["training"], sale["voided"], sale["can_void"], sale["can_print"]) == (True, False, True, True)
    assert not till.box.lookup.is_voided(sold.event.event_id, sold.event.data)
    assert till.http.post("/v1/prints", json={"event": sale["event_id"]}).status_code == 202


def test_an_operation_that_a_fork_copied_is_told_once(busy: Till) -> None:
    before = Daybook().view(busy.screen.agent)["operations"]

    busy.box.journal.open_epoch(EpochReason.FORK)

    after = Daybook().view(busy.screen.agent)["operations"]
    assert [told["event_id"] for told in after] == [told["event_id"] for told in before]


def test_a_closure_that_a_fork_did_not_copy_is_told_no_more(busy: Till) -> None:
    busy.http.post("/v1/day-closures")
    busy.box.acknowledge_all()
    busy.operate(kind="earn", amount="10,00", code=busy.box.central.card(1))
    busy.http.post("/v1/day-closures")
    booked, *_ = busy.box.closures()

    busy.box.journal.open_epoch(EpochReason.FORK)

    told = [json.loads(event) for _, event in busy.box.lookup.told_after(0, 99) if event is not None]
    (again,) = busy.box.closures()
    shown = Daybook().view(busy.screen.agent)["operations"]
    assert [operation["kind"] for operation in shown] == ["close", "earn", "close", "earn", "sell"]
    assert [event["data"]["signature"] for event in told if "day_closed" in event["type"]] == [
        booked.signature,
        again.signature,
    ]
