"""Where a box's rows belong: on central's branch of an epoch, or on another one (a fork). Pure.

Rows up to the watermark are contiguous and settled. Rows above it came past a gap and are tentative: when the gap is
filled by rows that they don't follow, they turn out to be of another branch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from central.store.journal import KnownRow, Mark
from sync.chain import Row


@dataclass(slots=True, kw_only=True)
class Placement:
    """What becomes of a batch's rows.

    Attributes:
        watermark: After the batch.
        evict_from: Stored rows from this seq on are of another branch; None when there are none.
        added: To store on central's branch.
        repeated: Known already.
        forked: Of another branch.
        missing: First and last seq of the gap above the watermark, if there is one.
    """

    watermark: Mark
    evict_from: int | None = None
    added: list[Row] = field(default_factory=list)
    repeated: list[Row] = field(default_factory=list)
    forked: list[Row] = field(default_factory=list)
    missing: tuple[int, int] | None = None


def place(rows: Sequence[Row], known: Mapping[int, KnownRow], watermark: Mark) -> Placement:
    """Place consecutive rows of one epoch.

    Args:
        rows: As verified, in order.
        known: Stored rows with the seqs of `rows`, and all above the watermark.
        watermark: Before the batch.
    """
    first, last = rows[0], rows[-1]
    if not known and first.seq == watermark.seq + 1 and first.previous == watermark.hash:
        # As nearly always: they follow what is there, and nothing lies beyond.
        return Placement(watermark=Mark(seq=last.seq, hash=last.hash), added=list(rows))
    placement = Placement(watermark=watermark)
    branch = dict(known)
    for row in rows:
        there = branch.get(row.seq)
        if there is not None and there.hash == row.hash:
            placement.repeated.append(row)
        elif _is_of_another_branch(row, there, placement):
            placement.forked.append(row)
        else:
            if there is not None:
                _evict(placement, branch, row.seq)
            placement.added.append(row)
            branch[row.seq] = KnownRow(hash=row.hash, previous=row.previous)
            _advance(placement, branch)
    above = [seq for seq in branch if seq > placement.watermark.seq]
    if above:
        placement.missing = (placement.watermark.seq + 1, min(above) - 1)
    return placement


def _is_of_another_branch(row: Row, there: KnownRow | None, placement: Placement) -> bool:
    if placement.forked and placement.forked[-1].seq == row.seq - 1:
        return True
    if row.seq == placement.watermark.seq + 1:
        return row.previous != placement.watermark.hash
    return there is not None


def _advance(placement: Placement, branch: dict[int, KnownRow]) -> None:
    """Move the watermark over rows that follow it; those that don't follow are of another branch."""
    while (following := branch.get(placement.watermark.seq + 1)) is not None:
        if following.previous != placement.watermark.hash:
            _evict(placement, branch, placement.watermark.seq + 1)
            return
        placement.watermark = Mark(seq=placement.watermark.seq + 1, hash=following.hash)


def _evict(placement: Placement, branch: dict[int, KnownRow], first_seq: int) -> None:
    placement.evict_from = min(first_seq, placement.evict_from or first_seq)
    for seq in [seq for seq in branch if seq >= first_seq]:
        del branch[seq]
