"""Deltas follow each other without a gap, and a snapshot holds everything."""

from __future__ import annotations

import pytest

from central import issue, registry
from central.ingest import ingest
from central.store import devices
from programme.registry import InstrumentStatus
from sync.wire import MAX_MESSAGE_BYTES, RegistryDelta, RegistrySnapshot, open_message
from tests.central.world import CARD, VOUCHER, Box, Centre, Replies


def deltas(centre: Centre, programme: str, since: int) -> list[RegistryDelta]:
    with centre.workshop.read() as work:
        keys = {"central-1": work.keys.signing.public_key()}
        return [
            open_message(raw, RegistryDelta, context="registry-delta", keys=keys)
            for raw in registry.deltas(work, programme, since=since)
        ]


def snapshot(centre: Centre, programme: str) -> RegistrySnapshot:
    with centre.workshop.read() as work:
        raw = registry.snapshot(work, programme)
        keys = {"central-1": work.keys.signing.public_key()}
        return open_message(raw, RegistrySnapshot, context="registry-snapshot", keys=keys)


def test_a_used_voucher_names_its_shop(centre: Centre, box_a: Box) -> None:
    (voucher,) = centre.vouchers(box_a)
    box_a.sold(voucher)
    used = box_a.redeemed(VOUCHER, voucher, 2_000)

    (delta,) = [delta for delta in centre.batch(box_a).deltas if delta.programme == VOUCHER]

    (entry,) = delta.entries
    assert (entry.status, entry.used_at, entry.used_in) == (
        InstrumentStatus.REDEEMED,
        used.ordered_at,
        "Librairie des Halles",
    )


def test_deltas_follow_each_other(centre: Centre, box_a: Box) -> None:
    centre.tick()
    seen: list[tuple[int, int]] = []
    for _ in range(3):
        card = centre.card()
        box_a.earned(card, 100)
        replies: Replies = centre.batch(box_a)
        seen += [(delta.from_version, delta.version) for delta in replies.deltas]

    assert seen == [(0, 2), (2, 4), (4, 6)]


def test_a_long_way_is_told_in_deltas_that_brokers_take(centre: Centre) -> None:
    list(issue.issue(centre.workshop, issue.Order(programme=CARD, count=1_000)))

    told = deltas(centre, CARD, 0)

    assert [(delta.from_version, delta.version, len(delta.entries)) for delta in told] == [
        (0, 2, 400),
        (2, 4, 400),
        (4, 5, 200),
    ]
    with centre.workshop.read() as work:
        assert max(len(raw) for raw in registry.deltas(work, CARD, since=0)) < MAX_MESSAGE_BYTES


def test_an_entry_is_told_at_its_last_version(centre: Centre, box_a: Box) -> None:
    first, second = centre.card(), centre.card()
    box_a.earned(first, 100)
    centre.batch(box_a)

    (delta,) = deltas(centre, CARD, 0)

    assert (delta.from_version, delta.version) == (0, 3)
    assert [(entry.instrument, entry.balance_minor) for entry in delta.entries] == [(second, 0), (first, 100)]


def test_a_version_too_large_for_a_message_becomes_a_gap(
    centre: Centre, box_a: Box, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows that change more than was foreseen to be booked at once."""
    monkeypatch.setattr("central.ingest.AT_ONCE", 10_000)
    cards = [issued.instrument for issued in issue.issue(centre.workshop, issue.Order(programme=CARD, count=2_000))]
    centre.tick()
    for start in range(0, 2_000, 1_000):
        for card in cards[start : start + 1_000]:
            box_a.earned(card, 100)

    with centre.workshop.write() as work:
        device = devices.find(work.db, "box-a")
        assert device is not None
        ingest(work, device, box_a.rows)

    (delta,) = centre.tick().deltas
    assert (delta.from_version, delta.version, delta.entries) == (11, 11, ())


def test_a_snapshot_holds_everything(centre: Centre, box_a: Box) -> None:
    cards = sorted([centre.card(), centre.card()])
    box_a.earned(cards[0], 100)
    centre.batch(box_a)

    whole = snapshot(centre, CARD)

    assert (whole.programme, whole.generation, whole.version) == (CARD, 1, 3)
    assert [(entry.instrument, entry.balance_minor) for entry in whole.entries] == [(cards[0], 100), (cards[1], 0)]
