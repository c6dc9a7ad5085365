"""A batch of rows: placed on its branch, each event received once, and what the box is told."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from central.books import AT_ONCE, book, put_off
from central.branch import place
from central.perpetual import booked_totals
from central.reception import Reception, first_verdicts
from central.store import authorisations, instruments, journal, unbooked
from central.store.devices import Device
from central.work import Work
from sync.chain import Row
from sync.wire import MAX_BATCH_ROWS, Ack, Head, Resend, RowVerdict, Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Ingested:
    """What to tell the box, once committed.

    Attributes:
        put_off: How many of its events wait to be booked.
    """

    ack: Ack
    resend: Resend | None
    put_off: int


def ingest(work: Work, device: Device, rows: list[Row], *, may_put_off: bool = False) -> Ingested:
    """Take a verified batch in: rows of one epoch, in order, at least one.

    Args:
        may_put_off: Other batches wait, so this one is only received now; a large one always is (docs/adr/0013).
    """
    epoch, first_seq, last_seq = rows[0].epoch, rows[0].seq, rows[-1].seq
    before = journal.open_epoch(work.db, device.device, epoch)
    known = journal.known_rows(work.db, device.device, epoch, first_seq=first_seq, last_seq=last_seq, above=before.seq)
    placement = place(rows, known, before)
    if placement.evict_from is not None:
        journal.evict(work.db, device.device, epoch, first_seq=placement.evict_from, at=work.now)
    verdicts = first_verdicts(work, device, placement.repeated)
    reception = Reception(work, device, [*placement.added, *placement.forked])
    verdicts += [verdict for row in placement.added if (verdict := reception.take(row)) is not None]
    reception.write()
    for row in placement.forked:
        # Whatever its branch, a row is judged once, when it comes; a copy in a later epoch is another row.
        if journal.add_fork(work.db, device.device, row, at=work.now):
            # No verdict: the ack speaks of central's branch, and the box copies these rows to an epoch of their own.
            reception.take_fork(row)
    if placement.watermark != before:
        journal.set_watermark(work.db, device.device, epoch, placement.watermark)
    put_off_count = 0
    if may_put_off or len(work.stored) > AT_ONCE:
        put_off_count = put_off(work)
    else:
        book(work)
    ack = make_ack(
        work,
        device,
        epoch,
        mark=placement.watermark,
        verdicts=verdicts,
        # A box that is told of rows after its own ones has lost them.
        may_have_forked=bool(placement.forked) or last_seq < placement.watermark.seq,
    )
    return Ingested(ack=ack, resend=_resend(device, epoch, placement.missing), put_off=put_off_count)


def make_ack(
    work: Work,
    device: Device,
    epoch: str,
    *,
    mark: journal.Mark | None = None,
    verdicts: Iterable[RowVerdict] = (),
    may_have_forked: bool = False,
) -> Ack:
    """Where central stands with an epoch, as of this transaction.

    Args:
        mark: The epoch's watermark, for who knows it.
        verdicts: Of the batch that it answers; at most as many as a batch has rows.
    """
    mark = mark or journal.watermark(work.db, device.device, epoch)
    # A box takes its rows up to this seq as counted in these versions, which they aren't while any isn't booked.
    heads = {} if unbooked.waits(work.db, device.device) else instruments.heads(work.db)
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


def _resend(device: Device, epoch: str, missing: tuple[int, int] | None) -> Resend | None:
    if missing is None:
        return None
    return Resend(device=device.device, epoch=epoch, first_seq=missing[0], last_seq=missing[1])
