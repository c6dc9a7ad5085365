"""What central does with each message: one transaction, then what to publish. Knows no broker and no event loop."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import TypeVar

from structlog.typing import FilteringBoundLogger

from central import grants
from central.authorise import authorise
from central.batches import Batches
from central.books import book_some
from central.errors import MessageRefused
from central.ingest import make_ack
from central.intake import MAX_REFERENCE_CHARACTERS
from central.ports import Outgoing
from central.sending import Sending, down, new_commands, unreported_commands
from central.store import devices, instruments, journal, programmes, unbooked
from central.store import grants as stored_grants
from central.store.devices import Device
from central.store.schema import NUL
from central.work import Work, Workshop
from programme.canonical import canonical_bytes
from sync import topics, wire
from sync.errors import Unreadable, WireError
from sync.topics import BoxAddress, Down, Up

REVIEW_EVERY = timedelta(minutes=1)
"""Grants age without anything happening."""
ACK_EVERY = timedelta(minutes=1)
"""How often a health message is answered by an ack: a box that does nothing learns by it what deltas it missed."""

SUBJECT = re.compile(r"config/(?P<version>[0-9]{1,9})|command/(?P<command>[0-9a-f-]{36})", re.ASCII)
M = TypeVar("M")
Stamp = tuple[object, ...]


class Handler:
    """Applies messages one at a time.

    Everything a box may need again comes again by itself (acks at its next batch, grants and configurations at its
    birth, commands until their report, registry heads in every ack), so what is lost between commit and publishing
    costs time only.
    """

    def __init__(self, workshop: Workshop, log: FilteringBoundLogger) -> None:
        self._workshop = workshop
        self._log = log
        self._acked_at: dict[str, datetime] = {}
        self._stamp: Stamp = ()
        self._reviewed_at: datetime | None = None
        with workshop.read() as work:
            self._sending = Sending(instruments.heads(work.db))
            self._batches = Batches(self._sending, log)
            self._unbooked = unbooked.count(work.db)

    @property
    def unbooked(self) -> int:
        """How many events wait to be booked, roughly: other programs book, too."""
        return self._unbooked

    def handle(
        self, topic: str, payload: bytes, *, following: Sequence[bytes] = (), may_put_off: bool = False
    ) -> list[Outgoing]:
        """Apply a message.

        Args:
            following: Of a batch: the same box's batches that came next.
            may_put_off: Batches wait, so what this one brings can be booked later, by `book_some`.

        Returns:
            What to publish now that it is committed. A message that can't be used is logged and dropped.
        """
        try:
            address, channel = topics.parse_up(topic)
            with self._workshop.write() as work:
                device = _sender(work, address)
                if channel is Up.JOURNAL:
                    batches = [payload, *following]
                    replies, put_off = self._batches.receive(work, device, batches, may_put_off=may_put_off)
                else:
                    replies, put_off = self._channels()[channel](work, device, payload), 0
                deltas, heads = self._sending.deltas(work)
        except (WireError, MessageRefused) as error:
            self._log.warning("message refused", topic=topic[:120], reason=str(error))
            return []
        self._unbooked += put_off
        self._sending.note_published(heads)
        # An answer is waited for at a counter; an ack names registry heads, so deltas go before it.
        return [*replies, *deltas] if channel is Up.ASK else [*deltas, *replies]

    def tick(self) -> list[Outgoing]:
        """Notice what commands wrote beside us, and what time did; cheap, meant for every second."""
        with self._workshop.read() as work:
            stamp = _stamp(work)
        is_due = self._reviewed_at is None or self._workshop.clock.now() >= self._reviewed_at + REVIEW_EVERY
        if stamp == self._stamp and not is_due:
            return []
        with self._workshop.write() as work:
            replies: list[Outgoing] = []
            for device in devices.online(work.db):
                replies += unreported_commands(work, device) if is_due else []
                replies += self._sending.configure(work, device)
                epoch = journal.latest_epoch(work.db, device.device)
                replies += self._sending.grant(work, device, epoch) if epoch is not None else []
            replies += new_commands(work)
            deltas, heads = self._sending.deltas(work)
            self._stamp, self._reviewed_at = _stamp(work), work.now
        self._sending.note_published(heads)
        return [*deltas, *replies]

    def book_some(self) -> list[Outgoing]:
        """Book some of what was put off, as much as an ask can wait for."""
        with self._workshop.write() as work:
            booked = book_some(work)
            replies: list[Outgoing] = []
            for source in sorted({event.source for event in booked}):
                device = devices.find(work.db, source)
                if device is not None and not unbooked.waits(work.db, source):
                    replies += self._caught_up(work, device)
            deltas, heads = self._sending.deltas(work)
        self._unbooked = max(0, self._unbooked - len(booked)) if booked else 0
        self._sending.note_published(heads)
        return [*deltas, *replies]

    def _caught_up(self, work: Work, device: Device) -> list[Outgoing]:
        """All of a box is booked: only now can it be told which registry versions count it, and get its grant."""
        epoch = journal.latest_epoch(work.db, device.device)
        if epoch is None:
            return []
        ack = down(work, device, Down.ACK, work.keys.sign(make_ack(work, device, epoch)))
        return [ack, *self._sending.grant(work, device, epoch)]

    def _channels(self) -> dict[Up, Callable[[Work, Device, bytes], list[Outgoing]]]:
        return {
            Up.ASK: self._on_ask,
            Up.PRESENCE: self._on_presence,
            Up.HEALTH: self._on_health,
            Up.REPORT: self._on_report,
        }

    def _on_ask(self, work: Work, device: Device, payload: bytes) -> list[Outgoing]:
        message = _open(payload, wire.AskMessage, device)
        ask = message.ask
        if max(len(ask.programme), len(ask.instrument)) > MAX_REFERENCE_CHARACTERS:
            raise Unreadable(f"an ask of {device.device} about no instrument of ours")
        if ask.shop != device.shop:
            raise MessageRefused(f"an ask of {device.device} for the shop {ask.shop[:40]!r}")
        return [down(work, device, Down.ANSWER, authorise(work, device, message))]

    def _on_presence(self, work: Work, device: Device, payload: bytes) -> list[Outgoing]:
        if not payload:
            return []
        try:
            wire.read_signed(payload)
        except Unreadable:
            death = wire.decode_payload(payload, wire.Death)
            _same_device(device, death.device)
            devices.note_death(work.db, device.device, boot=death.boot, at=work.now)
            self._log.info("box gone", device=device.device, boot=death.boot)
            return []
        birth = _open(payload, wire.Birth, device)
        _same_device(device, birth.device)
        devices.note_birth(work.db, birth, at=work.now)
        self._log.info("box there", device=device.device, boot=birth.boot, software=birth.software[:100])
        return self._welcome(work, device, birth)

    def _welcome(self, work: Work, device: Device, birth: wire.Birth) -> list[Outgoing]:
        """Tell a box what it may have missed."""
        self._sending.forget(device)
        replies = self._sending.configure(work, device)
        replies += unreported_commands(work, device)
        if birth.head is None:
            return replies
        mark = journal.watermark(work.db, device.device, birth.head.epoch)
        is_ours = (birth.head.seq, birth.head.hash) == (mark.seq, mark.hash.hex())
        ack = make_ack(work, device, birth.head.epoch, may_have_forked=not is_ours)
        replies.append(down(work, device, Down.ACK, work.keys.sign(ack)))
        signed = grants.grant_to_send(work, device, birth.head.epoch)
        newest = stored_grants.newest(work.db, device.device, birth.head.epoch)
        if signed is None and newest is not None and birth.grant != newest.grant.grant_id:
            signed = newest.signed.encode()
        return replies if signed is None else [*replies, down(work, device, Down.GRANT, signed)]

    def _on_health(self, work: Work, device: Device, payload: bytes) -> list[Outgoing]:
        health = _open(payload, wire.Health, device)
        _same_device(device, health.device)
        devices.note_health(work.db, device.device, canonical_bytes(health).decode(), at=work.now)
        epoch = journal.latest_epoch(work.db, device.device)
        acked_at = self._acked_at.get(device.device)
        if epoch is None or (acked_at is not None and acked_at <= work.now < acked_at + ACK_EVERY):
            return []
        self._acked_at[device.device] = work.now
        return [down(work, device, Down.ACK, work.keys.sign(make_ack(work, device, epoch)))]

    def _on_report(self, work: Work, device: Device, payload: bytes) -> list[Outgoing]:
        report = _open(payload, wire.Report, device)
        _same_device(device, report.device)
        version = _reported_version(work, device, report.subject)
        devices.note_report(work.db, report, detail=canonical_bytes(report.detail).decode(), at=work.now)
        if version is not None and report.ok:
            devices.note_configuration(work.db, device.device, version)
        return []


def _sender(work: Work, address: BoxAddress) -> Device:
    """The box that may use this topic.

    Raises:
        MessageRefused: No enrolled box lives there.
    """
    device = devices.find(work.db, address.device)
    if device is None:
        raise MessageRefused(f"the box {address.device} is not enrolled")
    if device.address(work.tenant) != address:
        raise MessageRefused(f"the box {address.device} doesn't live at {address.tenant}/{address.shard}")
    return device


def _reported_version(work: Work, device: Device, subject: str) -> int | None:
    """The configuration that a report is about; None for a command.

    Raises:
        MessageRefused: It is about what was never sent to this box.
    """
    about = SUBJECT.fullmatch(subject)
    if about is not None and about["version"] is not None and int(about["version"]) <= device.config_version:
        return int(about["version"])
    if about is None or about["command"] is None or not devices.was_sent(work.db, device.device, about["command"]):
        raise MessageRefused(f"a report of {device.device} on {subject[:48]!r}, which it was never sent")
    return None


def _open(payload: bytes, kind: type[M], device: Device) -> M:
    if NUL in payload:
        raise Unreadable(f"a message of {device.device} that holds a NUL character")
    return wire.open_message(payload, kind, context=wire.CONTEXTS[kind], keys={device.device: device.key})


def _same_device(device: Device, named: str) -> None:
    if named != device.device:
        raise MessageRefused(f"a message about {named[:40]!r} on the topic of {device.device}")


def _stamp(work: Work) -> Stamp:
    """Changes whenever a command wrote something that boxes should hear of."""
    return (
        instruments.heads(work.db),
        programmes.versions(work.db),
        devices.shops(work.db),
        stored_grants.last_consignment(work.db),
        devices.waiting_commands(work.db),
    )
