"""Batches of a box's rows: read and verified, those that follow each other received as one, and what is answered."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from structlog.typing import FilteringBoundLogger

from central.errors import MessageRefused
from central.ingest import ingest
from central.ports import Outgoing
from central.sending import Sending, down
from central.store import devices, journal
from central.store.devices import Device
from central.work import Work
from sync import wire
from sync.chain import Row
from sync.errors import Unreadable, WireError
from sync.topics import Down

MAX_SEQ = 2**53 - 1 - wire.MAX_BATCH_ROWS
"""JSON numbers are exact up to 2^53 - 1 (RFC 8785 §3.1)."""


class Batches:
    """Receives what one box sent, one batch or several that queued up."""

    def __init__(self, sending: Sending, log: FilteringBoundLogger) -> None:
        self._sending = sending
        self._log = log

    def receive(
        self, work: Work, device: Device, payloads: Sequence[bytes], *, may_put_off: bool
    ) -> tuple[list[Outgoing], int]:
        """Receive batches in order; one that must be refused among several is logged and dropped.

        Returns:
            Replies, and how many events were put off.

        Raises:
            WireError: The only one isn't the box's.
            MessageRefused: The only one contradicts the device record.
        """
        replies: list[Outgoing] = []
        verified = []
        for payload in payloads:
            try:
                verified.append(_verified(device, payload))
            except Unreadable as error:
                self._log.warning("unreadable batch", device=device.device, reason=str(error))
                replies += self._ask_one_by_one(work, device)
            except (WireError, MessageRefused) as error:
                if len(payloads) == 1:
                    raise
                self._log.warning("message refused", device=device.device, reason=str(error))
        put_off = 0
        for rows in _joined(verified):
            answered, later = self._ingest(work, device, rows, may_put_off=may_put_off)
            replies += answered
            put_off += later
        return replies, put_off

    def _ingest(self, work: Work, device: Device, rows: list[Row], *, may_put_off: bool) -> tuple[list[Outgoing], int]:
        done = ingest(work, device, rows, may_put_off=may_put_off)
        epoch = rows[0].epoch
        self._log.info(
            "batch received" if done.put_off else "batch booked",
            device=device.device,
            epoch=epoch,
            first=rows[0].seq,
            rows=len(rows),
            ack=done.ack.seq,
        )
        replies = [down(work, device, Down.ACK, work.keys.sign(done.ack))]
        if done.resend is not None:
            replies += self._sending.once_in_a_while(work, device, Down.RESEND, work.keys.sign(done.resend))
        if done.put_off == 0:
            replies += self._sending.grant(work, device, epoch)
        return replies, done.put_off

    def _ask_one_by_one(self, work: Work, device: Device) -> list[Outgoing]:
        """Ask for the rows above the watermark singly; the box has fewer, and sends what it has."""
        presence = devices.presence(work.db, device.device)
        epoch = presence.head_epoch if presence is not None else None
        epoch = epoch or journal.latest_epoch(work.db, device.device)
        if epoch is None:
            return []
        first_seq = journal.watermark(work.db, device.device, epoch).seq + 1
        resend = wire.Resend(
            device=device.device,
            epoch=epoch,
            first_seq=first_seq,
            last_seq=first_seq + wire.MAX_BATCH_ROWS - 1,
            one_by_one=True,
        )
        return self._sending.once_in_a_while(work, device, Down.RESEND, work.keys.sign(resend))


def _verified(device: Device, payload: bytes) -> list[Row]:
    batch = wire.read_batch(payload)
    if batch.device != device.device:
        raise MessageRefused(f"a batch of the box {batch.device[:40]!r} on the topic of {device.device}")
    _check_place(batch)
    return wire.verify_batch(batch, device.key)


def _check_place(batch: wire.Batch) -> None:
    """What no journal of ours says: a seq beyond what JSON and databases hold exactly.

    Raises:
        MessageRefused: It is dropped; asking for the rows again would not help.
    """
    if batch.first_seq > MAX_SEQ:
        raise MessageRefused(f"a batch of {batch.device} at no place of a journal")


def _joined(batches: Iterable[list[Row]]) -> list[list[Row]]:
    """Batches of which each follows the one before become one, as far as a batch may hold as many rows."""
    joined: list[list[Row]] = []
    for rows in batches:
        last = joined[-1] if joined else None
        if last is not None and _follows(rows[0], last[-1]) and len(last) + len(rows) <= wire.MAX_BATCH_ROWS:
            last += rows
        else:
            joined.append(rows)
    return joined


def _follows(row: Row, last: Row) -> bool:
    return (row.epoch, row.seq, row.previous) == (last.epoch, last.seq + 1, last.hash)
