"""The registry as boxes get it: deltas after each commit that changed it, whole snapshots on request."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from itertools import groupby

from sqlalchemy import Connection

from central.store import devices, instruments
from central.work import Work
from programme.registry import RegistryEntry
from sync.wire import MAX_MESSAGE_BYTES, RegistryDelta, RegistrySnapshot

MAX_DELTA_ENTRIES = 400
"""Keeps a delta well under what brokers take; an entry is about 300 bytes once it is within a signed message."""


def snapshot(work: Work, programme: str) -> bytes:
    """A programme's whole registry, signed."""
    entries = tuple(_with_shop_names(work.db, instruments.every(work.db, programme)))
    return work.keys.sign(
        RegistrySnapshot(
            programme=programme,
            generation=work.generation,
            version=instruments.heads(work.db)[programme],
            entries=entries,
        )
    )


def deltas(work: Work, programme: str, *, since: int) -> list[bytes]:
    """What changed after a version, as signed deltas that follow each other.

    A version whose entries don't fit into one message becomes a delta that no replica can follow on: boxes see the gap,
    and fetch the snapshot.
    """
    signed = []
    pending: list[RegistryEntry] = []
    start = end = since
    for version, changed in groupby(instruments.changed_since(work.db, programme, since), key=lambda found: found[0]):
        entries = [entry for _, entry in changed]
        if pending and len(pending) + len(entries) > MAX_DELTA_ENTRIES:
            signed.append(_delta(work, programme, start, end, pending))
            start, pending = end, []
        pending += entries
        end = version
    # Entries that changed again stand at their last version; the versions before have none left, and are passed over.
    head = instruments.heads(work.db)[programme]
    if head > start:
        signed.append(_delta(work, programme, start, head, pending))
    return signed


def _delta(work: Work, programme: str, start: int, end: int, entries: list[RegistryEntry]) -> bytes:
    delta = RegistryDelta(
        programme=programme,
        generation=work.generation,
        from_version=start,
        version=end,
        entries=tuple(_with_shop_names(work.db, entries)),
        time=work.signed_time(),
    )
    signed = work.keys.sign(delta)
    if len(signed) <= MAX_MESSAGE_BYTES:
        return signed
    return work.keys.sign(replace(delta, from_version=end, entries=()))


def _with_shop_names(db: Connection, entries: Iterable[RegistryEntry]) -> Iterable[RegistryEntry]:
    """Shopkeepers read names, the books keep ids."""
    names = {shop.shop: shop.name for shop in devices.shops(db).values()}
    return (
        replace(entry, used_in=names.get(entry.used_in, entry.used_in)) if entry.used_in else entry for entry in entries
    )
