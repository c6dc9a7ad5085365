"""What the office sees of shops, books, events and the desk."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from central.deciding import decide
from central.web.app import Office
from central.web.cases import MOST_CHARACTERS
from central.web.fleet import LATE_AFTER, Level
from central.web.link import LinkState
from programme.events import ClockState, DeskDecision, Event
from sync.topics import Up
from sync.wire import Health
from tests.central.test_deciding import an_uncovered_spend
from tests.central.world import CARD, VOUCHER, Box, Centre


@pytest.fixture
def office(centre: Centre) -> Office:
    return Office(centre.workshop)


def well(centre: Centre, box: Box, **differs: Any) -> None:  # noqa: ANN401
    """A box that is there, and says so."""
    centre.birth(box)
    given: dict[str, Any] = {
        "device": box.device,
        "at": centre.clock.now(),
        "unbooked_rows": 0,
        "value_at_risk_minor": {},
        "clock": ClockState.SYNCED,
        "devices": {"scanner": "ready"},
    }
    centre.send(box, Up.HEALTH, box.signed(Health(**(given | differs))))


def shops(office: Office) -> list[tuple[str, Level, list[str]]]:
    return [
        (shop["shop"], Level(shop["level"]), [trouble for box in shop["boxes"] for trouble in box["troubles"]])
        for shop in office.state()["shops"]
    ]


def test_all_is_well(centre: Centre, box_a: Box, box_b: Box, office: Office) -> None:
    for box in (box_a, box_b):
        centre.batch(box)
        well(centre, box)

    assert shops(office) == [("b", Level.WELL, []), ("a", Level.WELL, [])]
    assert office.state()["level"] == Level.WELL


def test_trouble_comes_first(centre: Centre, box_a: Box, box_b: Box, office: Office) -> None:
    for box in (box_a, box_b):
        centre.batch(box)
        well(centre, box)

    centre.death(box_a)
    assert shops(office) == [("a", Level.LOOK, ["away"]), ("b", Level.WELL, [])]

    centre.clock.advance(days=3)
    well(centre, box_b)
    assert shops(office)[0] == ("a", Level.LOOK, ["away"])

    centre.clock.advance(days=1, seconds=1)
    well(centre, box_b)
    assert shops(office)[0] == ("a", Level.TROUBLE, ["silent"])
    assert office.state()["level"] == Level.TROUBLE


def test_a_box_that_is_there_and_says_nothing_is_silent(centre: Centre, box_a: Box, office: Office) -> None:
    centre.batch(box_a)
    well(centre, box_a)

    centre.clock.advance(minutes=3)

    assert shops(office)[0] == ("a", Level.TROUBLE, ["silent"])


def test_no_box_is_silent_while_it_is_central_that_is_cut_off(centre: Centre, box_a: Box) -> None:
    link = LinkState(is_up=True, since=centre.clock.now())
    office = Office(centre.workshop, link=lambda: link)
    centre.batch(box_a)
    well(centre, box_a)
    before = office.stamp()

    link = LinkState(is_up=False, since=centre.clock.now())
    assert office.stamp() != before
    centre.clock.advance(minutes=30)
    assert shops(office) == [("b", Level.WELL, []), ("a", Level.WELL, [])]
    assert (office.state()["level"], office.state()["link"]) == (
        Level.TROUBLE,
        {"up": False, "since": link.since.isoformat()},
    )

    link = LinkState(is_up=True, since=centre.clock.now())
    assert shops(office)[1] == ("a", Level.WELL, [])
    centre.clock.advance(minutes=3)
    assert shops(office)[0] == ("a", Level.TROUBLE, ["silent"])


@pytest.mark.usefixtures("box_a")
def test_a_box_that_was_only_enrolled_was_never_seen(office: Office) -> None:
    assert shops(office) == [("a", Level.LOOK, ["never"]), ("b", Level.WELL, [])]


def test_rows_that_should_have_come_are_trouble(centre: Centre, box_a: Box, office: Office) -> None:
    centre.batch(box_a)
    since = centre.clock.now()
    value = {"EUR": 4_000}
    well(centre, box_a, unbooked_rows=3, value_at_risk_minor=value, oldest_unbooked_at=since)
    assert shops(office)[0] == ("b", Level.WELL, [])

    centre.clock.advance(seconds=(LATE_AFTER + timedelta(seconds=1)).total_seconds())
    well(centre, box_a, unbooked_rows=3, value_at_risk_minor=value, oldest_unbooked_at=since)

    assert shops(office)[0] == ("a", Level.TROUBLE, ["late"])
    (box,) = office.state()["shops"][0]["boxes"]
    assert (box["unbooked_rows"], box["value_at_risk_minor"]) == (3, value)


def test_rows_that_have_come_since_are_not_waited_for(centre: Centre, box_a: Box, office: Office) -> None:
    """The box was heard before they were booked, and then no more."""
    card = centre.card()
    centre.batch(box_a)
    earned = [box_a.earned(card, 100) for _ in range(2)]
    value, since = {"EUR": 200}, earned[0].ordered_at
    well(centre, box_a, unbooked_rows=2, value_at_risk_minor=value, oldest_unbooked_at=since)
    centre.batch(box_a, 2, 2)
    assert queue(office) == (2, value)

    centre.batch(box_a)
    centre.death(box_a)

    assert queue(office) == (0, {})


def test_a_row_that_is_missing_below_younger_ones_is_waited_for(centre: Centre, box_a: Box, office: Office) -> None:
    card = centre.card()
    centre.batch(box_a)
    earned = [box_a.earned(card, 100) for _ in range(3)]
    value = {"EUR": 200}
    well(centre, box_a, unbooked_rows=2, value_at_risk_minor=value, oldest_unbooked_at=earned[0].ordered_at)

    centre.batch(box_a, 3, 4)
    assert queue(office) == (3, value)

    centre.batch(box_a)
    assert queue(office) == (0, {})


def test_rows_that_a_box_had_at_its_birth_are_waited_for(centre: Centre, box_a: Box, office: Office) -> None:
    card = centre.card()
    centre.batch(box_a)
    for _ in range(2):
        box_a.earned(card, 100)

    well(centre, box_a)

    assert queue(office) == (2, {})


def queue(office: Office) -> tuple[int, dict[str, int]]:
    """What the first box keeps."""
    (box,) = office.state()["shops"][0]["boxes"] or office.state()["shops"][1]["boxes"]
    return box["unbooked_rows"], box["value_at_risk_minor"]


def test_devices_clock_and_configuration_are_worth_a_look(centre: Centre, box_a: Box, office: Office) -> None:
    centre.batch(box_a)
    well(centre, box_a, clock=ClockState.SUSPECT, devices={"printer": "gone", "scanner": "ready"})
    assert shops(office)[0] == ("a", Level.LOOK, ["device", "clock"])

    centre.birth(box_a, config=0)
    assert "configuration" in shops(office)[0][2]


@pytest.fixture
def double(centre: Centre, box_a: Box, box_b: Box) -> list[Event]:
    """One voucher, taken by both shops offline."""
    (voucher,) = centre.vouchers(box_a)
    grants = {box.device: centre.grant(box).grant_id for box in (box_a, box_b)}
    box_a.sold(voucher)
    taken = []
    for box in (box_a, box_b):
        centre.clock.advance(minutes=1)
        taken.append(box.redeemed(VOUCHER, voucher, 2_000, grant=grants[box.device]))
        centre.batch(box)
    return taken


@pytest.mark.usefixtures("double")
def test_the_latest_events_say_where_how_and_what_became_of_them(office: Office) -> None:
    told = [
        (event["kind"], event["shop"], event["amount_minor"], event["how"], event["booked"])
        for event in office.state()["events"]
    ]

    assert told == [
        ("redeem", "Chez Maïté", 2_000, "offline", "lost"),
        ("redeem", "Librairie des Halles", 2_000, "offline", "booked"),
        ("sell", "Librairie des Halles", 2_000, None, "booked"),
    ]


def test_what_waits_and_what_was_capped_is_said(centre: Centre, box_a: Box, office: Office) -> None:
    an_uncovered_spend(centre, box_a)
    card = centre.card()
    box_a.earned(card, 5_100)
    centre.batch(box_a)

    assert [event["booked"] for event in office.state()["events"]] == ["capped", "held", "booked"]


def test_what_was_declined_neither_waits_nor_is_lost(centre: Centre, box_a: Box, office: Office) -> None:
    spent = an_uncovered_spend(centre, box_a)
    with centre.workshop.write() as work:
        decide(work, spent.event_id, DeskDecision.DECLINE, by="claire", loss_minor=0)

    state = office.state()

    assert [event["booked"] for event in state["events"]] == ["declined", "booked"]
    (card,) = [programme for programme in state["books"]["programmes"] if programme["programme"] == CARD]
    names = ("outstanding_minor", "held_minor", "loss_minor")
    assert [card[name] for name in names] == [100, 0, 0]
    assert state["desk"]["counts"] == {"to_decide": 0, "to_know": 0}


@pytest.mark.usefixtures("double")
def test_totals_of_each_programme(office: Office) -> None:
    office.books.check()
    books = office.state()["books"]

    totals = {programme["programme"]: programme for programme in books["programmes"]}
    names = ("sold_minor", "outstanding_minor", "redeemed_minor", "loss_minor", "held_minor")
    assert [totals[VOUCHER][name] for name in names] == [2_000, 0, 2_000, 2_000, 0]
    assert [totals[CARD][name] for name in names] == [0, 0, 0, 0, 0]
    assert (books["holds"], totals[CARD]["name"]) == (
        True,
        {"fr": "Carte de fidélité Albret", "en": "Albret loyalty card"},
    )


@pytest.mark.usefixtures("double")
def test_figures_wait_for_no_check(office: Office) -> None:
    books = office.state()["books"]

    (voucher,) = [programme for programme in books["programmes"] if programme["programme"] == VOUCHER]
    assert (voucher["outstanding_minor"], voucher["loss_minor"]) == (0, 2_000)
    assert (books["holds"], books["checked_at"], "sold_minor" in voucher) == (None, None, False)


def test_books_that_are_wrong_are_trouble(centre: Centre, box_a: Box, office: Office) -> None:
    box_a.earned(centre.card(), 100)
    centre.batch(box_a)
    well(centre, box_a)
    assert office.state()["level"] == Level.WELL
    before = office.stamp()
    centre.by_hand("UPDATE postings SET amount_minor = 99 WHERE amount_minor = 100")

    office.books.check()

    assert office.stamp() != before
    assert office.state()["level"] == Level.TROUBLE


def test_one_case_per_voucher_with_one_thing_to_decide(centre: Centre, double: list[Event], office: Office) -> None:
    desk = office.state()["desk"]

    (case,) = desk["to_decide"]
    assert (case["kinds"], case["loss_minor"]) == (["double_acceptance"], 2_000)
    assert [(event["shop_name"], event["choices"]) for event in case["events"]] == [
        ("Librairie des Halles", []),
        ("Chez Maïté", ["accept_loss"]),
    ]

    with centre.workshop.write() as work:
        decide(work, double[1].event_id, DeskDecision.ACCEPT_LOSS, by="claire", loss_minor=2_000)

    desk = office.state()["desk"]
    assert (desk["to_decide"], desk["counts"]) == ([], {"to_decide": 0, "to_know": 0})
    (taken,) = desk["decisions"]
    assert (taken["decision"], taken["by"], taken["shop_name"]) == ("accept_loss", "claire", "Chez Maïté")


def test_a_gap_is_to_know(centre: Centre, box_a: Box, office: Office) -> None:
    card = centre.card()
    for _ in range(3):
        box_a.earned(card, 100)
    centre.batch(box_a, 1, 1)
    centre.batch(box_a, 4)

    (row,) = office.state()["desk"]["rows"]
    assert (row["kind"], row["first_seq"], row["last_seq"], row["shop_name"]) == ("gaps", 2, 3, "Librairie des Halles")

    centre.batch(box_a)
    assert office.state()["desk"]["rows"] == []


def test_a_row_that_is_not_understood_is_to_know_with_its_reason(centre: Centre, box_a: Box, office: Office) -> None:
    box_a.append_bytes(b'{"nonsense": "<script>"}')
    centre.batch(box_a)

    state = office.state()

    (row,) = state["desk"]["rows"]
    assert (row["kind"], row["event"]) == ("quarantine", '{"nonsense": "<script>"}')
    assert row["reason"]
    assert (state["desk"]["counts"], state["level"] >= Level.LOOK) == ({"to_decide": 0, "to_know": 1}, True)


def test_a_desk_that_is_full_says_how_much_there_is(
    centre: Centre, box_a: Box, office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("central.web.cases.MOST_CASES", 2)
    for number in range(3):
        box_a.append_bytes(b'{"nonsense": %d}' % number)
    spends = [an_uncovered_spend(centre, box_a) for _ in range(3)]
    centre.batch(box_a)

    desk = office.state()["desk"]

    assert (len(desk["to_decide"]), len(desk["rows"])) == (2, 2)
    assert desk["counts"] == {"to_decide": len(spends), "to_know": 3}


def test_rows_of_another_branch_that_follow_each_other_are_one_thing(
    centre: Centre, box_a: Box, office: Office
) -> None:
    card = centre.card()
    earned = [box_a.earned(card, 100) for _ in range(3)]
    centre.batch(box_a)
    del box_a.rows[1:]
    for _ in earned:
        box_a.earned(card, 200)
    centre.batch(box_a)

    (row,) = office.state()["desk"]["rows"]
    assert (row["kind"], row["first_seq"], row["last_seq"], len(row["ids"])) == ("forks", 2, 4, 3)

    for target in row["ids"]:
        with centre.workshop.write() as work:
            decide(work, UUID(target), DeskDecision.ACKNOWLEDGE, by="claire", loss_minor=0)
    assert office.state()["desk"]["rows"] == []


def test_of_a_long_row_the_beginning_is_shown(centre: Centre, box_a: Box, office: Office) -> None:
    box_a.append_bytes(b'{"nonsense": "%s"}' % (b"x" * MOST_CHARACTERS))
    centre.batch(box_a)

    (row,) = office.state()["desk"]["rows"]

    assert len(row["event"]) == MOST_CHARACTERS


def test_all_is_well_again_once_somebody_has_seen_what_there_is_to_see(
    centre: Centre, box_a: Box, box_b: Box, office: Office
) -> None:
    spent = an_uncovered_spend(centre, box_a)
    voids = [box_a.voided(spent) for _ in range(3)]
    box_a.append_bytes(b'{"nonsense": 1}')
    for box in (box_a, box_b):
        centre.batch(box)
        well(centre, box)
    desk = office.state()["desk"]
    (case,), (row,) = desk["to_know"], desk["rows"]
    assert (desk["to_decide"], desk["counts"]["to_know"]) == ([], 2)
    assert case["to_see"] == [str(void.event_id) for void in voids[1:]]

    for target in (*case["to_see"], *row["ids"]):
        with centre.workshop.write() as work:
            decide(work, UUID(target), DeskDecision.ACKNOWLEDGE, by="claire", loss_minor=0)

    state = office.state()
    assert (state["desk"]["counts"], state["level"]) == ({"to_decide": 0, "to_know": 0}, Level.WELL)
    told = [(taken["decision"], taken["shop_name"]) for taken in state["desk"]["decisions"]]
    assert told == [("acknowledge", None)] + [("acknowledge", "Librairie des Halles")] * 2


def test_the_stamp_changes_with_everything_that_is_shown(centre: Centre, box_a: Box, office: Office) -> None:
    stamps = [office.stamp()]

    def changed() -> bool:
        stamps.append(office.stamp())
        return stamps[-1] != stamps[-2]

    assert not changed()
    centre.batch(box_a)
    assert changed()
    well(centre, box_a)
    assert changed()
    centre.death(box_a)
    assert changed()
    spent = an_uncovered_spend(centre, box_a)
    assert changed()
    with centre.workshop.write() as work:
        decide(work, spent.event_id, DeskDecision.DECLINE, by="claire", loss_minor=0)
    assert changed()
    centre.clock.advance(minutes=1)
    assert changed()


def test_the_stamp_changes_with_a_gap_that_moves_no_money(centre: Centre, box_a: Box, office: Office) -> None:
    box_a.abandoned(centre.ids.new_id())
    box_a.abandoned(centre.ids.new_id())
    centre.batch(box_a, 1, 1)
    # Central's own event is the latest one.
    centre.card()
    before = office.stamp()

    centre.batch(box_a, 3)

    assert office.stamp() != before
