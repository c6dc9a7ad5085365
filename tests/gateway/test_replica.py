"""The replica follows central: deltas where they fit, else snapshots by HTTP, and never what isn't central's."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator

import pytest

from gateway.replica import HttpSnapshots, Replica
from programme.registry import InstrumentStatus, RegistryEntry
from sync.backoff import Backoff
from sync.errors import LinkError, WireError
from sync.wire import Head, RegistryDelta
from tests.gateway.centre import SnapshotServer
from tests.gateway.playing import until
from tests.gateway.world import CARD, NOON, VOUCHER, Box, FakeCentral, instrument

Tell = Callable[[Replica], Awaitable[None] | None]


def card(balance_minor: int) -> RegistryEntry:
    return RegistryEntry(instrument=instrument(1), status=InstrumentStatus.ACTIVE, balance_minor=balance_minor)


def delta(before: int, after: int, balance_minor: int, *, generation: int = 1) -> RegistryDelta:
    return RegistryDelta(
        programme=CARD,
        generation=generation,
        from_version=before,
        version=after,
        entries=(card(balance_minor),),
        time=NOON,
    )


@pytest.fixture
def server(box: Box) -> Iterator[SnapshotServer]:
    with SnapshotServer(box.central) as server:
        yield server


def follow(box: Box, server: SnapshotServer, tell: Tell, version: int) -> Replica:
    """Tell the replica something, and wait until it is at a version."""

    async def run() -> Replica:
        replica = Replica(
            journal=box.journal,
            fetch=HttpSnapshots(identity=box.identity, base_url=server.url),
            now=box.clock.now,
            backoff=Backoff(first_s=0.01, cap_s=0.02),
            delta_within_s=0.01,
        )
        running = asyncio.create_task(replica.run())
        told = tell(replica)
        if told is not None:
            await told
        await until(lambda: CARD in replica.checked_at and _version(box) == version)
        running.cancel()
        await asyncio.wait({running})
        return replica

    return asyncio.run(run())


def _version(box: Box) -> int | None:
    head = box.journal.replica_head(CARD)
    return head.version if head is not None else None


def test_a_head_without_a_replica_fetches_it(box: Box, server: SnapshotServer) -> None:
    head = server.put(CARD, 7, card(500))

    replica = follow(box, server, lambda replica: replica.take_heads({CARD: head}), 7)

    assert replica.checked_at == {CARD: NOON}


def test_a_delta_that_fits_needs_no_fetch(box: Box, server: SnapshotServer) -> None:
    box.knows_card(1, 500, version=7)
    server.put(CARD, 8, card(450))

    follow(box, server, lambda replica: replica.take_delta(delta(7, 8, 450)), 8)

    assert server.requests == []


def test_a_gap_and_another_generation_fetch(box: Box, server: SnapshotServer) -> None:
    box.knows_card(1, 500, version=7)
    server.put(CARD, 20, card(300))
    follow(box, server, lambda replica: replica.take_delta(delta(19, 20, 300)), 20)

    server.put(CARD, 3, card(100), generation=2)
    follow(box, server, lambda replica: replica.take_heads({CARD: Head(generation=2, version=3)}), 3)

    assert box.journal.replica_head(CARD) == Head(generation=2, version=3)
    assert len(server.requests) == 2


def test_a_head_whose_delta_never_came_fetches(box: Box, server: SnapshotServer) -> None:
    box.knows_card(1, 500, version=7)
    head = server.put(CARD, 8, card(450))

    follow(box, server, lambda replica: replica.take_heads({CARD: head}), 8)

    assert [status for _, _, status in server.requests] == [200]


def test_what_is_known_is_not_sent_again(box: Box, server: SnapshotServer) -> None:
    box.knows_card(1, 500, version=7)
    server.put(CARD, 7, card(500))

    follow(box, server, lambda replica: replica.want(CARD), 7)

    assert [status for _, _, status in server.requests] == [304]


def test_a_snapshot_that_is_spoiled_is_not_taken_and_fetched_again(box: Box, server: SnapshotServer) -> None:
    forged = FakeCentral()

    def spoil(_: bytes) -> bytes:
        server.spoil = lambda good: good
        return forged.sign(server.snapshots[CARD], "registry-snapshot").encode()

    server.spoil = spoil
    head = server.put(CARD, 7, card(500))

    follow(box, server, lambda replica: replica.take_heads({CARD: head}), 7)

    assert [status for _, _, status in server.requests] == [200, 200]


SPOILS: list[Callable[[bytes], bytes]] = [
    lambda _: b"",
    lambda body: body[:50],
    lambda body: body.replace(b"500", b"501"),
]


@pytest.mark.parametrize("spoil", SPOILS)
def test_a_spoiled_snapshot_says_so(box: Box, server: SnapshotServer, spoil: Callable[[bytes], bytes]) -> None:
    server.put(CARD, 7, card(500))
    server.spoil = spoil

    with pytest.raises(WireError):
        HttpSnapshots(identity=box.identity, base_url=server.url)(CARD, None)


def test_a_snapshot_of_another_programme_is_refused(box: Box, server: SnapshotServer) -> None:
    server.put(CARD, 7, card(500))
    server.snapshots[VOUCHER] = server.snapshots[CARD]

    with pytest.raises(WireError, match=VOUCHER):
        HttpSnapshots(identity=box.identity, base_url=server.url)(VOUCHER, None)


def test_central_that_is_away_or_says_no(box: Box, server: SnapshotServer) -> None:
    with pytest.raises(LinkError, match="404"):
        HttpSnapshots(identity=box.identity, base_url=server.url)(CARD, None)
    with pytest.raises(LinkError, match="can't be reached"):
        HttpSnapshots(identity=box.identity, base_url="http://127.0.0.1:9")(CARD, None)
