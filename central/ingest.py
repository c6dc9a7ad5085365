"""A batch of rows: placed on its branch, each event booked once, and what the box is told."""

from __future__ import annotations

import string
from collections.abc import Iterable
from dataclasses import dataclass

from central.books import book
from central.branch import place
from central.intake import Sender, Taken, sender_of, take, understand
from central.perpetual import booked_totals
from central.place import check_place
from central.store import authorisations, desk, instruments, journal
from central.store.devices import Device
from central.work import Work
from programme.errors import NotUnderstood
from sync.chain import Row
from sync.wire import MAX_BATCH_ROWS, Ack, Head, Resend, RowVerdict, Verdict

MAX_REASON_CHARACTERS = 80
"""Of a row in an ack: a batch of bad rows must not make it larger than brokers take."""
_PLAIN = frozenset(string.ascii_letters + string.digits + string.punctuation + " ") - {'"', "\\"}
"""What JSON writes as one byte, also in JSON within JSON, as signed messages are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ingested:
    """What to tell the box, once committed."""

    ack: Ack
    resend: Resend | None


def ingest(work: Work, device: Device, rows: list[Row]) -> Ingested:
    """Take a verified batch in: rows of one epoch, in order, at least one."""
    sender = sender_of(work, device)
    epoch, first_seq, last_seq = rows[0].epoch, rows[0].seq, rows[-1].seq
    journal.open_epoch(work.db, device.device, epoch)
    before = journal.watermark(work.db, device.device, epoch)
    known = journal.known_rows(work.db, device.device, epoch, first_seq=first_seq, last_seq=last_seq, above=before.seq)
    placement = place(rows, known, before)
    if placement.evict_from is not None:
        journal.evict(work.db, device.device, epoch, first_seq=placement.evict_from, at=work.now)
    verdicts = [_first_verdict(work, device, row) for row in placement.repeated]
    for row in placement.added:
        verdicts += _take_row(work, sender, row, is_fork=False)
    for row in placement.forked:
        # Whatever its branch, a row is judged once, when it comes; a copy in a later epoch is another row.
        if journal.add_fork(work.db, device.device, row, at=work.now):
            # No verdict: the ack speaks of central's branch, and the box copies these rows to an epoch of their own.
            _take_row(work, sender, row, is_fork=True)
    if placement.watermark != before:
        journal.set_watermark(work.db, device.device, epoch, placement.watermark)
    book(work)
    ack = make_ack(
        work,
        device,
        epoch,
        verdicts=verdicts,
        # A box that is told of rows after its own ones has lost them.
        may_have_forked=bool(placement.forked) or last_seq < placement.watermark.seq,
    )
    return Ingested(ack=ack, resend=_resend(device, epoch, placement.missing))


def make_ack(
    work: Work, device: Device, epoch: str, *, verdicts: Iterable[RowVerdict] = (), may_have_forked: bool = False
) -> Ack:
    """Where central stands with an epoch, as of this transaction.

    Args:
        verdicts: Of the batch that it answers; at most as many as a batch has rows.
    """
    mark = journal.watermark(work.db, device.device, epoch)
    heads = instruments.heads(work.db)
    return Ack(
        device=device.device,
        generation=work.generation,
        epoch=epoch,
        seq=mark.seq,
        hash=mark.hash.hex(),
        time=work.signed_time(),
        verdicts=_with_waiting(work, device, epoch, mark.seq, verdicts),
        open_authorisations=authorisations.open_of_device(work.db, device.device),
        heads={programme: Head(generation=work.generation, version=version) for programme, version in heads.items()},
        perpetual=booked_totals(work, device.device) if may_have_forked else {},
    )


def _with_waiting(
    work: Work, device: Device, epoch: str, watermark_seq: int, verdicts: Iterable[RowVerdict]
) -> tuple[RowVerdict, ...]:
    """Verdicts, and again those of the latest rows that wait for a person: the acks that told of them may be lost."""
    told = {verdict.seq: verdict for verdict in verdicts}
    waiting = journal.latest_set_aside(work.db, device.device, epoch, up_to=watermark_seq, limit=MAX_BATCH_ROWS)
    for seq, is_conflict in waiting:
        if len(told) < MAX_BATCH_ROWS and seq not in told:
            told[seq] = RowVerdict(seq=seq, verdict=Verdict.CONFLICT if is_conflict else Verdict.QUARANTINED)
    return tuple(told[seq] for seq in sorted(told))


def _take_row(work: Work, sender: Sender, row: Row, *, is_fork: bool) -> list[RowVerdict]:
    """Take a row's event in and store the row; a fork's row is stored already."""
    device = sender.device.device
    try:
        event = understand(work, sender, row.event)
        check_place(work, device, row, event, is_fork=is_fork)
    except NotUnderstood as error:
        desk.quarantine(work.db, device, row, reason=str(error), at=work.now)
        if not is_fork:
            journal.add(work.db, device, row, event_id=None)
        return [_quarantined(row, str(error))]
    taken = take(work, sender, event, row.event)
    if not is_fork:
        journal.add(work.db, device, row, event_id=event.event_id)
    if taken is Taken.STORED:
        return []
    if taken is Taken.REPEATED:
        return [RowVerdict(seq=row.seq, verdict=Verdict.DUPLICATE)]
    desk.add_conflict(work.db, device, row, event_id=event.event_id, at=work.now)
    return [_conflict(row)]


def _first_verdict(work: Work, device: Device, row: Row) -> RowVerdict:
    """What a row that comes again was told, for that ack may have been lost."""
    is_conflict, reason = journal.set_aside(work.db, device.device, row)
    if reason:
        return _quarantined(row, reason)
    return _conflict(row) if is_conflict else RowVerdict(seq=row.seq, verdict=Verdict.DUPLICATE)


def _quarantined(row: Row, reason: str) -> RowVerdict:
    plain = "".join(letter if letter in _PLAIN else "?" for letter in reason[:MAX_REASON_CHARACTERS])
    return RowVerdict(seq=row.seq, verdict=Verdict.QUARANTINED, reason=plain)


def _conflict(row: Row) -> RowVerdict:
    return RowVerdict(seq=row.seq, verdict=Verdict.CONFLICT, reason="known with other bytes")


def _resend(device: Device, epoch: str, missing: tuple[int, int] | None) -> Resend | None:
    if missing is None:
        return None
    return Resend(device=device.device, epoch=epoch, first_seq=missing[0], last_seq=missing[1])
