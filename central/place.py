"""What a row must say because of its place: an epoch opens with its first row and takes its own grants; time rises."""

from __future__ import annotations

from datetime import datetime

from central.store import journal
from central.work import Work
from programme.cloudevents import decode_event
from programme.errors import NotUnderstood
from programme.events import EpochOpened, EpochReason, Event, GrantReceived, RowLink
from programme.grants import read_signed_grant
from sync.chain import GENESIS, Row


def check_place(work: Work, device: str, row: Row, event: Event, *, before: Event | None, is_known: bool) -> None:
    """Check an understood event against the rows before it.

    Args:
        before: The event of the nearest booked row before it.
        is_known: The event came before, and was checked then; a copy of it may stand anywhere.

    Raises:
        NotUnderstood: It waits for a person in quarantine; an epoch without its opening gets no grant.
    """
    if row.seq == 1:
        _check_opening(work, device, row, event)
        return
    if isinstance(event.data, EpochOpened):
        raise NotUnderstood("an epoch opened by another row than its first")
    if isinstance(event.data, GrantReceived) and read_signed_grant(event.data.signed).epoch != row.epoch:
        raise NotUnderstood("a grant of another epoch than the row's")
    if is_known:
        return
    floor = _floor(work, device, before)
    if floor is not None and event.ordered_at <= floor:
        raise NotUnderstood(f"not later than the row before it: {event.ordered_at.isoformat()}")


def event_before(work: Work, device: str, row: Row, *, is_fork: bool) -> Event | None:
    """The event of the nearest booked row before another one, on the same branch as far as that is known."""
    before = _before_fork(work, device, row) if is_fork else None
    return before or journal.event_before(work.db, device, row.epoch, row.seq)


def _check_opening(work: Work, device: str, row: Row, event: Event) -> None:
    opened = event.data
    if not isinstance(opened, EpochOpened) or opened.epoch != row.epoch:
        raise NotUnderstood("the first row doesn't open this epoch")
    if opened.reason is EpochReason.ENROLMENT:
        return
    if opened.parent is None or not _is_known(work, device, row.epoch, opened.parent):
        raise NotUnderstood("the epoch begins after a row that isn't known")


def _is_known(work: Work, device: str, epoch: str, parent: RowLink) -> bool:
    if journal.counter_of(parent.epoch) >= journal.counter_of(epoch):
        return False
    if parent.seq == 0:
        # The box was never told of a booked row: it begins anew before its first one.
        return parent.hash == GENESIS.hex()
    return journal.has_row(work.db, device, parent)


def _before_fork(work: Work, device: str, row: Row) -> Event | None:
    """The row before, where it is on the same other branch."""
    raw = journal.forked(work.db, device, row.epoch, row.seq - 1, row.previous)
    if raw is None:
        return None
    try:
        return decode_event(raw)
    except NotUnderstood:
        return None


def _floor(work: Work, device: str, before: Event | None) -> datetime | None:
    """What a row's order time must exceed.

    After an opening come copies of rows that are older than it, but younger than its parent. A parent was known before
    its epoch's opening was booked, so this ends.
    """
    while before is not None and isinstance(before.data, EpochOpened) and before.data.parent is not None:
        parent = before.data.parent
        before = journal.event_before(work.db, device, parent.epoch, parent.seq + 1)
    return None if before is None else before.ordered_at
