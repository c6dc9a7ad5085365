"""The fold: worked cases first, then its properties over random sets of events, each with a planted bug it catches."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from programme.events import AskedOperation, Earned, Event, GrantReceived, Redeemed, Sold, Voided
from programme.fold.books import Books, Rulebook, fold_books
from programme.fold.effects import DISPUTED, HOLDERS, LOSS, FindingKind, funder, held, merchant
from programme.registry import InstrumentStatus
from programme.rules import RuleSet
from tests.programme.worlds import (
    CARD,
    K1,
    TODAY,
    V0,
    VOUCHER,
    approved,
    as_signed,
    card_issued,
    central_event,
    earned,
    event,
    grant,
    grant_issued,
    sold,
    spent,
    taken,
    voided,
    voucher_issued,
)

FUNDER = funder("albret-communaute")


@pytest.fixture(scope="module")
def rulebook(card_rules: RuleSet, voucher_rules: RuleSet) -> Rulebook:
    return {(CARD, 1): card_rules, (VOUCHER, 1): voucher_rules}


@dataclass
class Folder:
    """Folds what the test lists; central's own events (issue, grant) are there from the start."""

    rulebook: Rulebook

    def __call__(self, *events: Event) -> Books:
        return fold_books([*centrals(), *events], self.rulebook)


@pytest.fixture(scope="module")
def fold(rulebook: Rulebook) -> Folder:
    return Folder(rulebook)


def centrals() -> list[Event]:
    return [
        central_event(900, card_issued(), minute=0),
        central_event(901, voucher_issued(), minute=0),
        central_event(902, grant_issued(grant()), minute=0),
        central_event(903, grant_issued(grant(device="box-b")), minute=0),
    ]


def card_accounts(books: Books) -> dict[str, int]:
    return {account: amount for (programme, _, account), amount in books.balances.items() if programme == CARD}


def voucher_accounts(books: Books) -> dict[str, int]:
    return {account: amount for (programme, _, account), amount in books.balances.items() if programme == VOUCHER}


def findings(books: Books) -> list[FindingKind]:
    return [finding.kind for folded in books.folded.values() for finding in folded.findings]


def balance(books: Books) -> int:
    entry = books.folded[CARD, K1].entry
    assert entry is not None
    return entry.balance_minor


class TestCards:
    def test_an_earn_is_owed_to_the_holder_by_the_funder(self, fold: Folder) -> None:
        books = fold(event(1, earned(118)))
        assert card_accounts(books) == {HOLDERS: 118, FUNDER: -118}

    def test_a_spend_pays_the_merchant_from_the_card(self, fold: Folder) -> None:
        books = fold(event(1, earned(118)), event(2, spent(50)))
        assert card_accounts(books) == {HOLDERS: 68, merchant("a"): 50, FUNDER: -118}
        assert balance(books) == 68

    def test_earns_clamp_at_the_cap_and_each_clamp_is_recorded(self, fold: Folder) -> None:
        books = fold(event(1, earned(4_900)), event(2, earned(200)), event(3, earned(10)))
        assert (balance(books), findings(books)) == (5_000, [FindingKind.CLAMPED, FindingKind.CLAMPED])

    def test_a_late_spend_makes_room_under_the_cap(self, fold: Folder) -> None:
        books = fold(event(1, earned(5_000)), event(3, earned(200)), event(2, spent(300)))
        assert (balance(books), findings(books)) == (4_900, [])

    def test_a_shortfall_is_the_programme_s_loss(self, fold: Folder) -> None:
        books = fold(event(1, earned(100)), event(2, spent(80)), event(3, spent(80, shop="b"), source="box-b"))
        assert card_accounts(books) == {merchant("a"): 80, merchant("b"): 80, LOSS: -60, FUNDER: -100}
        assert findings(books) == [FindingKind.SHORTFALL]

    def test_a_void_of_a_spend_may_restore_above_the_cap(self, fold: Folder) -> None:
        books = fold(
            event(1, earned(5_000)), event(2, spent(1_000)), event(3, earned(1_000)), event(4, voided(2, 1_000))
        )
        assert balance(books) == 6_000

    def test_what_a_void_of_an_earn_can_t_take_back_is_loss(self, fold: Folder) -> None:
        books = fold(event(1, earned(100)), event(2, spent(80)), event(3, voided(1, 100)))
        assert card_accounts(books) == {merchant("a"): 80, LOSS: -80}
        assert findings(books) == [FindingKind.VOID_SHORTFALL]

    def test_a_void_on_another_day_is_shown(self, fold: Folder) -> None:
        void = voided(2, 50, day=TODAY + timedelta(days=1))
        books = fold(event(1, earned(118)), event(2, spent(50)), event(3, void))
        assert (balance(books), findings(books)) == (118, [FindingKind.LATE_VOID])

    def test_a_void_reverses_the_clamped_amount_only(self, fold: Folder) -> None:
        books = fold(event(1, earned(4_900)), event(2, earned(200)), event(3, voided(2, 200)))
        assert balance(books) == 4_900

    @pytest.mark.parametrize(
        "void",
        [
            event(3, voided(77, 50)),
            event(3, voided(2, 49)),
            event(3, voided(2, 50), source="box-b"),
            event(3, voided(2, 50), minute=1),
            event(3, voided(3, 50)),
        ],
        ids=["of nothing", "of another amount", "of another box", "before its target", "of itself"],
    )
    def test_a_void_that_doesn_t_fit_does_nothing_and_is_shown(self, fold: Folder, void: Event) -> None:
        books = fold(event(1, earned(118)), event(2, spent(50)), void)
        assert balance(books) == 68
        assert findings(books) == [FindingKind.BAD_VOID]

    def test_a_second_void_does_nothing(self, fold: Folder) -> None:
        books = fold(event(1, earned(118)), event(2, spent(50)), event(3, voided(2, 50)), event(4, voided(2, 50)))
        assert (balance(books), findings(books)) == (118, [FindingKind.BAD_VOID])

    def test_exercises_move_nothing(self, fold: Folder) -> None:
        books = fold(event(1, earned(118, training=True)), event(2, spent(50, training=True)))
        assert card_accounts(books) == {}

    def test_a_card_that_central_never_issued_earns_nothing_but_its_merchant_is_paid(self, fold: Folder) -> None:
        stray = "99" * 16
        books = fold(event(1, earned(118, instrument=stray)), event(2, spent(50, instrument=stray)))
        assert card_accounts(books) == {merchant("a"): 50, LOSS: -50}
        assert findings(books) == [FindingKind.UNKNOWN_INSTRUMENT, FindingKind.UNKNOWN_INSTRUMENT]


class TestVouchers:
    def test_a_sale_is_cash_owed_by_the_shop(self, fold: Folder) -> None:
        assert voucher_accounts(fold(event(1, sold()))) == {HOLDERS: 2_000, merchant("a"): -2_000}

    def test_a_redemption_pays_the_shop(self, fold: Folder) -> None:
        books = fold(event(1, sold()), event(2, taken(shop="b"), source="box-b"))
        assert voucher_accounts(books) == {merchant("a"): -2_000, merchant("b"): 2_000}
        entry = books.folded[VOUCHER, V0].entry
        assert entry is not None
        assert (entry.status, entry.used_in) == (InstrumentStatus.REDEEMED, "b")

    def test_a_double_acceptance_pays_both_and_costs_the_programme_one(self, fold: Folder) -> None:
        books = fold(event(1, sold()), event(2, taken()), event(3, taken(shop="b"), source="box-b"))
        assert voucher_accounts(books) == {merchant("b"): 2_000, LOSS: -2_000}
        assert findings(books) == [FindingKind.DOUBLE_ACCEPTANCE]

    def test_ranks_are_taken_after_voids(self, fold: Folder) -> None:
        books = fold(
            event(1, sold()),
            event(2, taken()),
            event(3, taken(shop="b"), source="box-b"),
            event(4, voided(2, 2_000, programme=VOUCHER, instrument=V0)),
        )
        assert voucher_accounts(books) == {merchant("a"): -2_000, merchant("b"): 2_000}
        assert findings(books) == []

    def test_a_sale_that_arrives_late_funds_the_redemption(self, fold: Folder) -> None:
        books = fold(event(5, sold()), event(2, taken(shop="b"), source="box-b"))
        assert voucher_accounts(books) == {merchant("a"): -2_000, merchant("b"): 2_000}

    def test_a_voucher_never_sold_is_loss_and_shown(self, fold: Folder) -> None:
        books = fold(event(2, taken()))
        assert voucher_accounts(books) == {merchant("a"): 2_000, LOSS: -2_000}
        assert findings(books) == [FindingKind.NOT_SOLD]

    def test_a_voided_sale_cancels_for_good(self, fold: Folder) -> None:
        books = fold(event(1, sold()), event(2, voided(1, 2_000, programme=VOUCHER, instrument=V0)))
        entry = books.folded[VOUCHER, V0].entry
        assert entry is not None
        assert (voucher_accounts(books), entry.status) == ({}, InstrumentStatus.CANCELLED)

    def test_what_a_smaller_redemption_leaves_stays_owed(self, fold: Folder) -> None:
        books = fold(event(1, sold()), event(2, taken(amount_minor=1_500)))
        entry = books.folded[VOUCHER, V0].entry
        assert entry is not None
        assert (entry.status, entry.balance_minor) == (InstrumentStatus.REDEEMED, 500)
        assert list(holders_differ(books)) == []

    def test_a_shop_owes_the_cash_of_every_sale_of_one_voucher(self, fold: Folder) -> None:
        books = fold(event(1, sold()), event(2, sold()))
        assert voucher_accounts(books) == {HOLDERS: 2_000, merchant("a"): -4_000, DISPUTED: 2_000}
        assert findings(books) == [FindingKind.DOUBLE_SALE]

    def test_a_sale_after_a_cancelled_one_funds_nothing_but_its_cash_is_owed(self, fold: Folder) -> None:
        void = event(2, voided(1, 2_000, programme=VOUCHER, instrument=V0))
        books = fold(event(1, sold()), void, event(3, sold()))
        assert voucher_accounts(books) == {merchant("a"): -2_000, DISPUTED: 2_000}

    def test_a_sale_of_a_voucher_that_central_never_issued_is_owed_and_shown(self, fold: Folder) -> None:
        books = fold(event(1, sold(instrument="99" * 16)))
        assert voucher_accounts(books) == {merchant("a"): -2_000, DISPUTED: 2_000}
        assert findings(books) == [FindingKind.UNKNOWN_INSTRUMENT]


class TestCover:
    def test_what_no_grant_covers_waits_for_a_person(self, fold: Folder) -> None:
        books = fold(event(1, earned(118)), event(2, spent(50, grant=None)))
        assert card_accounts(books) == {HOLDERS: 68, held("a"): 50, FUNDER: -118}
        assert findings(books) == [FindingKind.OVER_GRANT]

    def test_what_exceeds_the_ceiling_waits_for_a_person(self, rulebook: Rulebook) -> None:
        tight = central_event(902, grant_issued(grant(ceiling_minor=60)), minute=0)
        books = fold_books(
            [central_event(900, card_issued()), tight, event(1, earned(118)), event(2, spent(50)), event(3, spent(20))],
            rulebook,
        )
        assert card_accounts(books)[held("a")] == 20

    def test_central_s_approval_covers_that_operation_alone(self, fold: Folder) -> None:
        books = fold(
            event(1, earned(118)),
            central_event(910, approved(2, 50)),
            event(2, spent(50, grant=None)),
            central_event(911, approved(3, 50)),
            event(3, spent(20, grant=None)),
        )
        assert card_accounts(books)[merchant("a")] == 50
        assert card_accounts(books)[held("a")] == 20

    def test_a_void_that_names_another_instrument_frees_no_ceiling(self, rulebook: Rulebook) -> None:
        tight = central_event(902, grant_issued(grant(ceiling_minor=60)), minute=0)
        other = voided(2, 50, instrument="99" * 16)
        spends = [event(2, spent(50)), event(3, other), event(4, spent(50))]
        books = fold_books([central_event(900, card_issued()), tight, event(1, earned(118)), *spends], rulebook)
        assert card_accounts(books)[held("a")] == 50

    def test_what_exceeds_the_floor_limit_waits_for_a_person(self, fold: Folder) -> None:
        books = fold(event(1, earned(5_000)), event(2, spent(2_001)))
        assert card_accounts(books)[held("a")] == 2_001

    def test_a_grant_that_the_next_one_ended_covers_nothing_later(self, fold: Folder) -> None:
        second = grant(number=2)
        books = fold(
            event(1, earned(118)),
            event(2, spent(50)),
            event(3, GrantReceived(number=2, signed=as_signed(second))),
            event(4, spent(20)),
        )
        assert card_accounts(books)[merchant("a")] == 50
        assert card_accounts(books)[held("a")] == 20

    def test_a_grant_of_another_epoch_ends_nothing(self, fold: Folder) -> None:
        other = grant(number=2, epoch="2-feedfeedfeedfeed")
        received = event(2, GrantReceived(number=2, signed=as_signed(other)))
        books = fold(event(1, earned(118)), received, event(3, spent(50)))
        assert card_accounts(books)[merchant("a")] == 50

    def test_an_approved_void_covers_no_redemption(self, fold: Folder) -> None:
        books = fold(
            event(1, earned(118)),
            central_event(910, approved(2, 50, operation=AskedOperation.VOID)),
            event(2, spent(50, grant=None)),
        )
        assert card_accounts(books)[held("a")] == 50

    def test_another_box_s_grant_covers_nothing(self, rulebook: Rulebook) -> None:
        books = fold_books(
            [
                central_event(900, card_issued()),
                central_event(902, grant_issued(grant(device="box-b"))),
                event(1, earned(118)),
                event(2, spent(50)),
            ],
            rulebook,
        )
        assert card_accounts(books)[held("a")] == 50


def histories() -> st.SearchStrategy[list[Event]]:
    """Sets of events of two boxes on one card and one voucher, with voids of anything."""

    def build(seed: int, length: int) -> list[Event]:
        chance = random.Random(seed)
        made: list[Event] = []
        for number in range(1, length + 1):
            source = chance.choice(["box-a", "box-b"])
            shop = source[-1]
            choice = chance.randrange(6)
            data = (
                earned(chance.randrange(1, 3_000), shop=shop)
                if choice <= 1
                else spent(chance.randrange(1, 2_500), shop=shop)
                if choice == 2
                else taken(shop=shop, amount_minor=chance.choice([2_000, 2_000, 1_500, 3_000]))
                if choice == 3
                else sold(shop=shop)
                if choice == 4
                else None
            )
            if data is None:
                target = chance.choice(made) if made else None
                if target is None or isinstance(target.data, Voided):
                    continue
                assert isinstance(target.data, Earned | Redeemed | Sold)
                data = voided(
                    target.event_id.int,
                    target.data.amount_minor,
                    programme=target.data.programme,
                    instrument=target.data.instrument,
                )
                source = target.source
            made.append(event(number, data, source=source, minute=chance.randrange(1, length + 1)))
        return made

    return st.builds(build, st.integers(0, 2**32), st.integers(0, 25))


@given(histories(), st.randoms(use_true_random=False))
@settings(max_examples=300)
def test_arrival_order_and_duplicates_change_nothing(
    rulebook: Rulebook, history: list[Event], chance: random.Random
) -> None:
    events = [*centrals(), *history]
    arrived = events + chance.sample(events, k=len(events) // 2)
    chance.shuffle(arrived)

    assert fold_books(arrived, rulebook) == fold_books(events, rulebook)


def unbalanced(books: Books) -> Iterator[object]:
    """Promise 1: every event's postings sum to zero."""
    for folded in books.folded.values():
        for event_of, postings in folded.effects.items():
            if sum(postings.values()) != 0:
                yield event_of


def negative(books: Books) -> Iterator[object]:
    """Promise 5: balances never go below zero."""
    for key, folded in books.folded.items():
        if folded.entry is not None and folded.entry.balance_minor < 0:
            yield key


def holders_differ(books: Books) -> Iterator[object]:
    """Promise 1: what is owed to holders is what the instruments hold."""
    for programme in (CARD, VOUCHER):
        owed = sum(
            folded.entry.balance_minor
            for (name, _), folded in books.folded.items()
            if name == programme and folded.entry
        )
        if books.balances.get((programme, "EUR", HOLDERS), 0) != owed:
            yield programme


def funded_twice(books: Books) -> Iterator[object]:
    """Promise 4: a voucher is funded at most once."""
    for key, folded in books.folded.items():
        if key[0] == VOUCHER:
            paid = sum(-min(0, postings.get(HOLDERS, 0)) for postings in folded.effects.values())
            put_in = sum(max(0, postings.get(HOLDERS, 0)) for postings in folded.effects.values())
            if paid > put_in or put_in > 2_000:
                yield key


def unpaid(history: Iterable[Event], books: Books) -> Iterator[object]:
    """Promise 7: a standing redemption credits its merchant, or waits in the open; nothing is dropped."""
    voids = {item.data.target for item in history if isinstance(item.data, Voided)}
    for item in history:
        if isinstance(item.data, Redeemed) and item.event_id not in voids:
            effects = books.folded[item.data.programme, item.data.instrument].effects.get(item.event_id, {})
            shop = item.data.counter.shop
            if effects.get(merchant(shop), 0) + effects.get(held(shop), 0) != item.data.amount_minor:
                yield item


INVARIANTS: list[Callable[[Books], Iterator[object]]] = [unbalanced, negative, holders_differ, funded_twice]


@given(histories())
@settings(max_examples=300)
def test_the_money_promises_hold(rulebook: Rulebook, history: list[Event]) -> None:
    books = fold_books([*centrals(), *history], rulebook)

    for invariant in INVARIANTS:
        assert list(invariant(books)) == [], invariant.__doc__
    assert list(unpaid(history, books)) == []


@given(histories())
@settings(max_examples=300)
def test_card_balances_equal_a_naive_second_implementation(rulebook: Rulebook, history: list[Event]) -> None:
    books = fold_books([*centrals(), *history], rulebook)

    assert balance(books) == naive_card_balance(history)


def naive_card_balance(history: list[Event]) -> int:
    """A shop assistant with a notebook: one line per event, in order, no postings."""
    held_minor, effective, reversed_already = 0, {}, set()
    for item in sorted(history, key=lambda item: (item.ordered_at, item.source, item.event_id)):
        match item.data:
            case Earned(amount_minor=amount):
                effective[item.event_id] = (item.source, amount, min(amount, max(0, 5_000 - held_minor)))
                held_minor += effective[item.event_id][2]
            case Redeemed(programme=programme, amount_minor=amount) if programme == CARD:
                effective[item.event_id] = (item.source, amount, -min(amount, held_minor))
                held_minor += effective[item.event_id][2]
            case Voided(target=target, amount_minor=amount) if target in effective and target not in reversed_already:
                source, original, moved = effective[target]
                if (source, original) == (item.source, amount):
                    reversed_already.add(target)
                    held_minor = max(0, held_minor - moved)
    return held_minor


class TestPlantedBugs:
    """Each promise's check catches the bug it is there for."""

    def test_postings_that_don_t_balance(self, fold: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("programme.fold.card.funder", lambda _name: HOLDERS)
        monkeypatch.setattr("programme.fold.card.add", lambda *terms: dict(terms[0]))
        books = fold(event(1, earned(118)))
        assert list(unbalanced(books))

    def test_a_card_whose_balance_is_not_what_is_owed(self, fold: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("programme.fold.card.min", lambda first, _second: first, raising=False)
        assert list(holders_differ(fold(event(1, earned(118)), event(2, spent(50))))) == []
        monkeypatch.setattr("programme.fold.card.HOLDERS", "elsewhere")
        assert list(holders_differ(fold(event(1, earned(118)))))

    def test_a_card_that_goes_below_zero(self, fold: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("programme.fold.card.min", lambda first, _second: first, raising=False)
        assert list(negative(fold(event(1, spent(50)))))

    def test_every_acceptance_funded(self, fold: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("programme.fold.voucher.enumerate", lambda items: ((0, x) for x in items), raising=False)
        books = fold(event(1, sold()), event(2, taken()), event(3, taken(shop="b"), source="box-b"))
        assert list(funded_twice(books))

    def test_an_acceptance_dropped(self, fold: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
        history = [event(1, sold()), event(2, taken()), event(3, taken(shop="b"), source="box-b")]
        monkeypatch.setattr("programme.fold.voucher.accepted", lambda *_, **__: {})
        assert list(unpaid(history, fold(*history)))

    def test_arrival_order_instead_of_canonical_order(
        self, rulebook: Rulebook, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("programme.fold.effects.sorted", lambda items, **_: list(items), raising=False)
        history = [event(1, earned(4_900)), event(2, earned(200)), event(3, spent(1_000))]
        arrived = [history[2], history[1], history[0]]
        assert fold_books([*centrals(), *arrived], rulebook) != fold_books([*centrals(), *history], rulebook)
