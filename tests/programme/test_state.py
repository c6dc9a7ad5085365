from __future__ import annotations

from dataclasses import replace

from programme.canonical import canonical_bytes, from_bytes
from programme.decide import Earn, Redeem, Sell, Void
from programme.events import DayClosed, EpochOpened, EpochReason, GrantReceived, ProgrammeTotals
from programme.grants import Consignment
from programme.registry import InstrumentStatus, RegistryEntry
from programme.rules import RuleSet
from programme.state import (
    DAY,
    PERPETUAL,
    HeldGrant,
    OpenOperation,
    OperationKind,
    Totals,
    evolve,
    held_grant,
    open_operation,
    record_kind,
)
from tests.programme.worlds import (
    CARD,
    GRANT_ID,
    K1,
    TODAY,
    V0,
    VOUCHER,
    Box,
    as_signed,
    card_code,
    event,
    grant,
)


def spending_box(rules: RuleSet) -> Box:
    box = Box(rules=rules)
    box.open_with(grant())
    box.replica[K1] = RegistryEntry(instrument=K1, status=InstrumentStatus.ACTIVE, balance_minor=118)
    return box


def spent_minor(box: Box) -> int:
    held = held_grant(box.records)
    assert held is not None
    return held.spent_minor.get(CARD, 0)


def test_a_stand_in_counts_against_its_grant_and_its_void_gives_back(card_rules: RuleSet) -> None:
    box = spending_box(card_rules)
    spend = box.do(Redeem(code=card_code(), amount_minor=50))
    assert spent_minor(box) == 50
    box.do(Void(target=spend.event_id))
    assert spent_minor(box) == 0


def test_a_void_of_an_older_grant_s_spend_gives_nothing_back_to_the_new_one(card_rules: RuleSet) -> None:
    box = spending_box(card_rules)
    spend = box.do(Redeem(code=card_code(), amount_minor=50))
    second = grant(number=2)
    box.happened(GrantReceived(number=2, signed=as_signed(second)))
    box.do(Void(target=spend.event_id))
    assert spent_minor(box) == 0


def test_a_new_epoch_starts_without_a_grant_and_ignores_a_copied_one(card_rules: RuleSet) -> None:
    box = spending_box(card_rules)
    box.happened(EpochOpened(epoch="2-feedfeedfeedfeed", reason=EpochReason.FORK))
    assert held_grant(box.records) is None
    box.happened(GrantReceived(number=1, signed=as_signed(grant())))
    assert held_grant(box.records) is None


def test_totals_of_the_day_and_perpetual_add_up_by_programme(card_rules: RuleSet) -> None:
    box = spending_box(card_rules)
    box.do(Earn(code=card_code(), basket_minor=2_350))
    spend = box.do(Redeem(code=card_code(), amount_minor=50))
    box.do(Void(target=spend.event_id))

    expected = Totals(programmes={CARD: ProgrammeTotals(earned_minor=118, redeemed_minor=50, voided_minor=50, count=3)})
    assert box.records[PERPETUAL] == expected
    assert box.records[f"{DAY}{TODAY}"] == expected


def test_a_closure_ends_the_day_and_leaves_the_perpetual_totals(card_rules: RuleSet) -> None:
    box = spending_box(card_rules)
    spend = box.do(Redeem(code=card_code(), amount_minor=50))
    perpetual = box.records[PERPETUAL]
    box.happened(DayClosed(business_day=TODAY, totals={}, perpetual={}, signature=""))

    assert open_operation(box.records, spend.event_id) is None
    assert f"{DAY}{TODAY}" not in box.records
    assert box.records[PERPETUAL] == perpetual


def test_a_sold_serial_stays_on_record(voucher_rules: RuleSet) -> None:
    box = Box(rules=voucher_rules, sent=False)
    box.open_with(grant(consigned=(Consignment(instrument=V0, token="CPT1:…", face_minor=2_000),)))
    sale = box.do(Sell(programme=VOUCHER, face_minor=2_000))
    box.do(Void(target=sale.event_id), instrument=V0)
    assert f"sold/{V0}" in box.records


def test_replaying_all_events_gives_the_same_records(card_rules: RuleSet) -> None:
    box = spending_box(card_rules)
    box.do(Earn(code=card_code(), basket_minor=2_350))
    spend = box.do(Redeem(code=card_code(), amount_minor=50))
    box.do(Void(target=spend.event_id))

    replayed = Box(rules=card_rules)
    for past in box.own:
        replayed.happened(past.data)

    assert replayed.records == box.records


def test_records_are_stored_as_json_by_their_key(card_rules: RuleSet) -> None:
    box = spending_box(card_rules)
    box.do(Redeem(code=card_code(), amount_minor=50))
    for key, record in box.records.items():
        assert from_bytes(canonical_bytes(record), record_kind(key)) == record


def test_evolve_changes_nothing_in_place(card_rules: RuleSet) -> None:
    box = spending_box(card_rules)
    before = dict(box.records)
    evolve(box.records, event(50, box.do(Redeem(code=card_code(), amount_minor=50)).data))
    held = before["grant"]
    assert isinstance(held, HeldGrant)
    assert held.spent_minor == {}
    assert replace(held, spent_minor={}) == held
    assert held.grant_id == GRANT_ID


def test_an_operation_on_record_says_what_it_relied_on(card_rules: RuleSet) -> None:
    box = spending_box(card_rules)
    spend = box.do(Redeem(code=card_code(), amount_minor=50))
    operation = open_operation(box.records, spend.event_id)
    assert isinstance(operation, OpenOperation)
    assert (operation.kind, operation.grant, operation.voided) == (OperationKind.REDEEMED, GRANT_ID, False)
