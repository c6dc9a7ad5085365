"""Takes what central sends: acks, resends, grants, configurations, commands, registry deltas. Answers go to `Asking`.

What can't be verified is dropped and said in the log: central sends again what matters.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import structlog

from gateway.configured import keep_configuration, read_configuration
from gateway.counter import CounterService
from gateway.errors import ConfigurationRefused, CounterError
from gateway.identity import Identity
from gateway.replica import Replica
from programme.events import GrantReceived
from programme.grants import Grant
from programme.state import held_grant
from sync.errors import JournalError, Unreadable, WireError
from sync.journal import Journal, Transaction
from sync.outbox import Acked, Input, ResendAsked
from sync.topics import Down, parse_down, registry
from sync.wire import (
    CONTEXTS,
    Ack,
    Command,
    RegistryDelta,
    Resend,
    decode_payload,
    open_message,
    read_signed,
    read_text,
)

M = TypeVar("M")
Report = Callable[[str, bool, dict[str, Any]], None]
"""Sends a report: subject, whether it went well, detail."""
_log = structlog.get_logger("comptoir.inbound")


class Inbound:
    """Acts on messages, one after the other."""

    def __init__(
        self,
        *,
        identity: Identity,
        journal: Journal,
        counter: CounterService,
        replica: Replica,
        data_dir: Path,
        feed: Callable[[Input], Awaitable[None]],
        report: Report,
        status: Callable[[], dict[str, Any]],
        acknowledged: Callable[[], None],
        configured: Callable[[], None],
    ) -> None:
        """Set up.

        Args:
            feed: Tells the outbox.
            status: What `report_status` answers.
            acknowledged: Called at each ack.
            configured: Called when another configuration is in force.
        """
        self._identity = identity
        self._journal = journal
        self._counter = counter
        self._replica = replica
        self._data_dir = data_dir
        self._feed = feed
        self._report = report
        self._status = status
        self._acknowledged = acknowledged
        self._configured = configured

    async def take(self, topic: str, payload: bytes) -> None:
        """Act on one message."""
        try:
            await self._act(topic, read_text(payload))
        except (WireError, JournalError, CounterError) as error:
            _log.warning("message dropped", topic=topic, reason=str(error))

    async def _act(self, topic: str, payload: str) -> None:
        if topic.endswith("/registry"):
            await self._delta(topic, payload)
            return
        match parse_down(topic):
            case Down.ACK:
                await self._ack(payload)
            case Down.RESEND:
                await self._resend(self._open(payload, Resend))
            case Down.GRANT:
                await self._grant(payload)
            case Down.CONFIG:
                await self._configure(payload)
            case Down.COMMAND:
                self._command(self._open(payload, Command))
            case Down.ANSWER:
                return  # taken by whoever asked, at once

    def _open(self, payload: str, kind: type[M]) -> M:
        return open_message(payload, kind, context=CONTEXTS[kind], keys=self._identity.central_keys)

    async def _ack(self, payload: str) -> None:
        ack = self._open(payload, Ack)
        outcome = await asyncio.to_thread(self._journal.acknowledge, ack, payload)
        self._acknowledged()
        # Central gives the reason once, and the verdict for as long as the row waits for a person.
        for verdict in (verdict for verdict in ack.verdicts if verdict.reason):
            _log.warning("row not simply booked", seq=verdict.seq, verdict=verdict.verdict.value, reason=verdict.reason)
        await self._feed(Acked(outcome=outcome, watermark_seq=self._journal.watermark.seq))
        await self._counter.abandon_forgotten(ack.open_authorisations)
        taken = self._counter.configured.book.rules
        self._replica.take_heads({programme: head for programme, head in ack.heads.items() if programme in taken})

    async def _resend(self, resend: Resend) -> None:
        if resend.device != self._identity.device:
            return
        await self._feed(
            ResendAsked(
                first_seq=resend.first_seq,
                last_seq=resend.last_seq,
                one_by_one=resend.one_by_one,
                epoch=None if resend.epoch == self._journal.epoch else resend.epoch,
            )
        )

    async def _grant(self, payload: str) -> None:
        grant = self._open(payload, Grant)
        if grant.device != self._identity.device:
            return
        event_id = self._counter.new_id()
        received = GrantReceived(number=grant.number, signed=payload)

        def hold(tx: Transaction) -> bool:
            held = held_grant(tx.records)
            if grant.epoch != self._journal.epoch or (held is not None and number_of(held.grant_id) >= grant.number):
                return False
            tx.append(event_id, received)
            return True

        if await self._counter.submit(hold):
            _log.info("grant held", grant=grant.grant_id, ends_at=grant.ends_at.isoformat())
            self._counter.announce()

    async def _configure(self, payload: str) -> None:
        try:
            new = read_configuration(payload, self._identity)
        except ConfigurationRefused as error:
            _log.warning("configuration refused", reason=str(error))
            self._report(f"config/{_version_in(payload)}", False, {"reason": str(error)})
            return
        version = new.configuration.version
        if version > self._counter.configured.configuration.version:
            try:
                await asyncio.to_thread(keep_configuration, self._data_dir, new)
            except OSError as error:
                self._report(f"config/{version}", False, {"reason": f"it couldn't be kept: {error.strerror}"})
                return
            self._counter.configured = new
            _log.info("configuration applied", version=version)
            self._configured()
        in_force = self._counter.configured.configuration.version
        self._report(f"config/{version}", version == in_force, {"in_force": in_force})

    def _command(self, command: Command) -> None:
        if command.device != self._identity.device:
            return
        subject = f"command/{command.command_id}"
        if command.name == "report_status":
            self._report(subject, True, self._status())
        else:
            self._report(subject, False, {"reason": f"unknown command {command.name[:40]!r}"})

    async def _delta(self, topic: str, payload: str) -> None:
        delta = self._open(payload, RegistryDelta)
        known = delta.programme in self._counter.configured.book.rules
        if known and topic == registry(self._identity.address.tenant, delta.programme):
            await self._replica.take_delta(delta)


def number_of(grant_id: str) -> int:
    """A grant's number within its epoch, from the id that `Grant.grant_id` makes."""
    return int(grant_id.rpartition("/")[2])


@dataclass(frozen=True, slots=True, kw_only=True)
class _Versioned:
    """The part of a configuration that names it."""

    version: int


def _version_in(payload: str) -> int:
    """The version that a refused configuration claims, to name it in the report; 0 where it can't be read."""
    try:
        return decode_payload(read_signed(payload).payload, _Versioned).version
    except Unreadable:
        return 0
