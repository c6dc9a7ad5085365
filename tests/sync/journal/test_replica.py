"""The registry replica, and which of the box's own operations it holds already."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from programme.events import ClockState, Event
from programme.registry import InstrumentStatus, RegistryEntry
from sync.journal import Journal
from sync.wire import Head, RegistryDelta, RegistrySnapshot, RowVerdict, Verdict
from tests.sync.boxes import NOON, Shop, earned, redeemed

K1 = RegistryEntry(instrument="k1", status=InstrumentStatus.ACTIVE, balance_minor=118)
K2 = RegistryEntry(instrument="k2", status=InstrumentStatus.ACTIVE, balance_minor=5)


def delta(
    from_version: int, version: int, *entries: RegistryEntry, generation: int = 1, at: datetime = NOON
) -> RegistryDelta:
    return RegistryDelta(
        programme="card", generation=generation, from_version=from_version, version=version, entries=entries, time=at
    )


def entry(journal: Journal, instrument: str, programme: str = "card") -> RegistryEntry | None:
    return journal.submit(lambda tx: tx.entry(programme, instrument)).result()


def own(shop: Shop, instrument: str = "k1") -> tuple[Event, ...]:
    return shop.journal.submit(lambda tx: tx.own_since_counted("card", instrument)).result()


def test_before_a_snapshot_nothing_is_known(shop: Shop) -> None:
    assert shop.journal.replica_head("card") is None
    assert shop.journal.replica_heads() == {}
    assert entry(shop.journal, "k1") is None
    assert not shop.journal.apply_delta(delta(0, 1, K1))


def test_a_snapshot_then_deltas(shop: Shop) -> None:
    assert shop.load_replica("card", 3, K1, K2)
    assert shop.journal.apply_delta(delta(3, 4, replace(K1, balance_minor=68)))

    assert shop.journal.replica_head("card") == Head(generation=1, version=4)
    assert entry(shop.journal, "k1") == replace(K1, balance_minor=68)
    assert entry(shop.journal, "k2") == K2
    assert entry(shop.journal, "k2", "voucher") is None


@pytest.mark.parametrize("stray", [delta(4, 5, K2), delta(3, 4, K2, generation=2)])
def test_a_gap_or_another_generation_needs_a_snapshot(shop: Shop, stray: RegistryDelta) -> None:
    shop.load_replica("card", 3, K1)

    assert not shop.journal.apply_delta(stray)
    assert shop.journal.replica_head("card") == Head(generation=1, version=3)
    assert entry(shop.journal, "k2") is None


def test_a_delta_that_comes_again_or_overlaps_does_no_harm(shop: Shop) -> None:
    shop.load_replica("card", 3, K1)

    assert shop.journal.apply_delta(delta(2, 5, K2))
    assert shop.journal.apply_delta(delta(2, 3, replace(K2, balance_minor=1)))
    assert entry(shop.journal, "k2") == K2
    assert shop.journal.replica_head("card") == Head(generation=1, version=5)


def test_a_snapshot_takes_the_place_of_everything(shop: Shop) -> None:
    shop.load_replica("card", 3, K1)
    shop.load_replica("card", 1, K2, generation=2)

    assert entry(shop.journal, "k1") is None
    assert entry(shop.journal, "k2") == K2
    assert shop.journal.replica_heads() == {"card": Head(generation=2, version=1)}


def test_a_snapshot_that_deltas_overtook_is_not_used(shop: Shop) -> None:
    shop.load_replica("card", 3, K1)
    shop.journal.apply_delta(delta(3, 6, K2))

    assert not shop.load_replica("card", 5, K1)
    assert entry(shop.journal, "k2") == K2


def test_a_snapshot_of_an_earlier_generation_is_not_used(shop: Shop) -> None:
    shop.load_replica("card", 3, K1, generation=2)

    assert not shop.load_replica("card", 9, K2, generation=1)
    assert entry(shop.journal, "k1") == K1
    assert shop.journal.replica_head("card") == Head(generation=2, version=3)


def test_a_large_snapshot_comes_in_parts_and_whole(shop: Shop) -> None:
    entries = tuple(replace(K1, instrument=f"card-{number}") for number in range(1_234))
    shop.load_replica("card", 1, K2)
    shop.journal.replace_replica(RegistrySnapshot(programme="card", generation=1, version=2, entries=entries))

    assert all(entry(shop.journal, known.instrument) == known for known in entries[::100])
    assert entry(shop.journal, "card-1233") == entries[-1]
    assert entry(shop.journal, "k2") is None


def test_own_operations_count_until_the_replica_holds_them(shop: Shop) -> None:
    shop.load_replica("card", 1, K1)
    first = shop.append(earned())
    second = shop.append(redeemed())
    shop.append(earned(instrument="k2"))
    assert own(shop) == (first, second)

    shop.take(shop.ack(2, heads={"card": Head(generation=1, version=2)}))
    assert own(shop) == (first, second)  # acknowledged, but this box's replica is at version 1
    shop.journal.apply_delta(delta(1, 2, K1))
    assert own(shop) == (second,)
    shop.take(shop.ack(4, heads={"card": Head(generation=1, version=5)}))
    shop.journal.apply_delta(delta(2, 4, K1))
    assert own(shop) == (second,)
    shop.journal.apply_delta(delta(4, 5, K1))
    assert own(shop) == ()


@pytest.mark.parametrize("verdict", [Verdict.QUARANTINED, Verdict.CONFLICT])
def test_an_operation_that_central_did_not_book_counts_on(shop: Shop, verdict: Verdict) -> None:
    shop.load_replica("card", 1, K1)
    spent = shop.append(redeemed())
    shop.append(earned())
    again = RowVerdict(seq=3, verdict=Verdict.DUPLICATE)
    shop.take(shop.ack(2, verdicts=(RowVerdict(seq=2, verdict=verdict), again)))
    shop.take(shop.ack(3, heads={"card": Head(generation=1, version=1)}))

    shop.close()
    shop.open()

    assert own(shop) == (spent,)
    assert own(shop, "k2") == ()


@pytest.mark.parametrize("applies", [True, False])
def test_a_delta_s_time_sets_the_clock_even_where_it_leaves_a_gap(shop: Shop, applies: bool) -> None:
    shop.load_replica("card", 3 if applies else 1, K1)
    shop.close()
    shop.clock.reboot("boot-2", wall=NOON - timedelta(days=3_000))
    shop.open()
    assert shop.append(earned()).clock is ClockState.SUSPECT
    later = NOON + timedelta(days=2)

    assert shop.journal.apply_delta(delta(3, 4, K2, at=later)) is applies

    event = shop.append(earned())
    assert (event.ordered_at > later, event.clock) == (True, ClockState.SYNCED)


def test_a_verdict_in_an_ack_that_another_one_overtook_counts(shop: Shop) -> None:
    shop.load_replica("card", 1, K1)
    spent = shop.append(redeemed())
    shop.append(earned(instrument="k2"))
    overtaken = shop.ack(2, verdicts=(RowVerdict(seq=2, verdict=Verdict.QUARANTINED),))
    shop.take(shop.ack(3, heads={"card": Head(generation=1, version=1)}))

    shop.take(overtaken)

    assert own(shop) == (spent,)


def test_what_another_generation_books_counts_no_more(shop: Shop) -> None:
    shop.load_replica("card", 1, K1)
    shop.append(redeemed())
    aside = RowVerdict(seq=2, verdict=Verdict.QUARANTINED)
    shop.take(shop.ack(2, verdicts=(aside,)))

    shop.take(shop.ack(1, generation=2, heads={"card": Head(generation=2, version=1)}))
    shop.take(shop.ack(2, generation=2, heads={"card": Head(generation=2, version=2)}))
    shop.load_replica("card", 2, K1, generation=2)

    assert own(shop) == ()


def test_a_replica_ahead_of_the_ack_counts_when_the_ack_comes(shop: Shop) -> None:
    event = shop.append(earned())
    shop.load_replica("card", 9, K1)
    assert own(shop) == (event,)

    shop.take(shop.ack(2, heads={"card": Head(generation=1, version=8)}))

    assert own(shop) == ()


def test_a_new_generation_forgets_what_the_old_one_held(shop: Shop) -> None:
    shop.load_replica("card", 1, K1)
    event = shop.append(earned())
    shop.take(shop.ack(2, heads={"card": Head(generation=1, version=1)}))
    assert own(shop) == ()

    shop.load_replica("card", 1, generation=2)
    assert own(shop) == (event,)
    shop.take(shop.ack(2, generation=2, heads={"card": Head(generation=2, version=1)}))
    assert own(shop) == ()


def test_own_operations_outlive_the_process(shop: Shop) -> None:
    shop.load_replica("card", 1, K1)
    shop.append(earned())
    shop.take(shop.ack(2, heads={"card": Head(generation=1, version=1)}))
    event = shop.append(redeemed())
    shop.close()
    shop.open()

    assert own(shop) == (event,)
    assert entry(shop.journal, "k1") == K1
