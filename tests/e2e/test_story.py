"""The story of two shops holds; and whoever tampers with its books is found out."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from hardware_sim.counter_client import Json
from hardware_sim.story.chapters import SHOPS
from hardware_sim.story.facts import picture_facts
from hardware_sim.story.faults import Fault
from tests.e2e.places import Said, say

Played = tuple[Said, Path]


@pytest.fixture
def story(played: Played) -> Json:
    told, folder = played
    assert (told.code, told.err) == (0, ""), told.out + told.err
    written: Json = json.loads((folder / "out" / "story.json").read_text(encoding="utf-8"))
    return written


def test_the_books_balance_and_nothing_is_lost(story: Json) -> None:
    assert story["books_balance"] is True
    assert (story["broken_promises"], story["lost_events"]) == ([], [])


def test_one_voucher_was_taken_twice_and_both_merchants_are_credited(story: Json) -> None:
    assert story["double_acceptances"] == 1
    (finding,) = [finding for finding in story["desk"] if finding["kind"] == "double_acceptance"]
    assert (finding["funded_minor"], finding["loss_minor"]) == (2_000, 2_000)
    assert {event["shop_name"] for event in finding["events"]} == set(SHOPS.values())
    assert {event["credited"] for event in finding["events"]} == {"merchant"}


def test_each_step_was_told_with_its_events(story: Json) -> None:
    assert [step["step"] for step in story["steps"]] == [1, 2, 3, 4, 5]
    # The last step only brings home what the others recorded.
    assert all(step["events"] for step in story["steps"][:4])
    told = [event["event_id"] for step in story["steps"] for event in step["events"]]
    assert len(told) == len(set(told)) == sum(journal["rows"] for journal in story["journals"])
    offline = [event["type"] for event in story["steps"][2]["events"]]
    assert {kind: offline.count(f"comptoir.{kind}.v1") for kind in ("earned", "redeemed", "sold")} == {
        "earned": 3,
        "redeemed": 5,
        "sold": 2,
    }


def test_the_final_balances_are_those_of_the_two_shops_till_rolls(story: Json) -> None:
    balances = {(entry["programme"], entry["account"]): entry["balance_minor"] for entry in story["balances"]}

    # K1 88, K2 325, K3 60; V3 and V4 sold and not spent.
    assert balances["albret-card", "holders"] == 88 + 325 + 60
    assert balances["albret-voucher", "holders"] == 2 * 2_000
    for programme in ("albret-card", "albret-voucher"):
        assert sum(balance_minor for (of, _), balance_minor in balances.items() if of == programme) == 0


def test_five_receipts_were_printed_that_a_camera_reads(story: Json, played: Played) -> None:
    codes = [receipt["codes"] for receipt in story["receipts"]]
    assert len(codes) == 5
    assert all(len(read) == 1 and read[0].startswith("CPT1:") for read in codes)
    assert len({read[0] for read in codes}) == 5
    # The pictures are there for people, too, and say the same when they are read again.
    assert picture_facts(played[1] / "out") == story["receipts"]


def test_a_changed_row_and_a_cut_tail_are_found(story: Json) -> None:
    assert [journal["device"] for journal in story["journals"]] == ["box-a", "box-b"]
    for journal in story["journals"]:
        assert (journal["verifies"], journal["changed_row_found"], journal["cut_tail_found"]) == (True, True, True)


def test_what_was_played_can_be_judged_again(story: Json, played: Played, tmp_path: Path) -> None:
    judged = say("hardware_sim.cli", "story", "--judge", str(played[1] / "town"), "--out", str(tmp_path))

    assert judged.code == 0, judged.out + judged.err
    assert json.loads((tmp_path / "story.json").read_text(encoding="utf-8")) == story


FOUND_BY = {
    Fault.DOUBLE: "each event is booked once",
    Fault.LOST: "no acknowledged row lost its event",
    Fault.LEDGER: "every entry sums to zero",
}


@pytest.mark.parametrize("fault", Fault, ids=lambda fault: fault.value)
def test_a_planted_fault_is_found(fault: Fault, played: Played, tmp_path: Path) -> None:
    town = str(played[1] / "town")

    judged = say("hardware_sim.cli", "story", "--judge", town, "--break", fault.value, "--out", str(tmp_path))

    assert judged.code == 1, judged.out + judged.err
    written = json.loads((tmp_path / "story.json").read_text(encoding="utf-8"))
    assert written["books_balance"] is False
    assert any(broken.startswith(FOUND_BY[fault]) for broken in written["broken_promises"])
    assert FOUND_BY[fault] in judged.out


def test_the_story_that_is_told_with_a_fault_fails(tmp_path: Path) -> None:
    told = say("hardware_sim.cli", "story", "--break", "ledger", "--out", str(tmp_path))

    assert (told.code, told.err) == (1, ""), told.out + told.err
    assert json.loads((tmp_path / "story.json").read_text(encoding="utf-8"))["books_balance"] is False
    # It failed over the fault, not on the way there.
    assert "✓ K3 holds 0,60\u00a0€ in both shops" in told.out
    assert "(a fault is planted: ledger)" in told.out


def test_a_story_that_breaks_off_says_where_and_leaves_no_result(tmp_path: Path) -> None:
    judged = say("hardware_sim.cli", "story", "--judge", str(tmp_path / "nothing"), "--out", str(tmp_path / "out"))

    assert judged.code == 1
    assert "Traceback" not in judged.err
    assert not (tmp_path / "out" / "story.json").exists()
