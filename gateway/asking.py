"""Asks that await central's answer: each answer is verified and matched to what was asked, word for word."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import Protocol
from uuid import UUID

import structlog

from gateway.identity import Identity
from programme.authorisations import Answer, Ask
from programme.decide import Answered
from sync.errors import LinkError, Unreadable, WireError
from sync.topics import Up
from sync.wire import CONTEXTS, AskMessage, RawRow, open_message, read_text, sign_message

_log = structlog.get_logger("comptoir.asking")


class Publisher(Protocol):
    """The way to the broker."""

    @property
    def is_up(self) -> bool:
        """Whether there is a connection now."""
        ...

    def publish(self, topic: str, payload: bytes, *, qos: int = 1, retain: bool = False) -> None:
        """Hand a message over; never blocks.

        Raises:
            LinkError: There is no connection.
            Unreadable: The message is too large.
        """
        ...


class Asking:
    """Asks central and waits for its answers; late ones find nobody waiting and are ignored."""

    def __init__(self, *, identity: Identity, link: Publisher, deadline_ms: int, now: Callable[[], datetime]) -> None:
        """Set up.

        Args:
            deadline_ms: How long the counter waits, milliseconds.
            now: The wall clock, aware UTC.
        """
        self._identity = identity
        self._link = link
        self._deadline_ms = deadline_ms
        self._now = now
        self._waiting: dict[UUID, tuple[Ask, asyncio.Future[Answered]]] = {}

    @property
    def can_ask(self) -> bool:
        """Whether an ask would leave the box."""
        return self._link.is_up

    async def ask(self, ask: Ask, *, rows: tuple[RawRow, ...], gives_up: tuple[UUID, ...]) -> Answered | None:
        """Ask, and wait for the answer until the deadline; None when none came.

        Args:
            rows: The box's unacknowledged rows on the instrument.
            gives_up: Asks of this box that it abandoned and central hasn't acknowledged.
        """
        message = AskMessage(ask=ask, sent_at=self._now(), deadline_ms=self._deadline_ms, rows=rows, gives_up=gives_up)
        signed = sign_message(
            message, context=CONTEXTS[AskMessage], key_id=self._identity.device, key=self._identity.journal_key
        )
        answered: asyncio.Future[Answered] = asyncio.get_running_loop().create_future()
        self._waiting[ask.authorisation] = (ask, answered)
        try:
            self._link.publish(self._identity.address.up(Up.ASK), signed)
            async with asyncio.timeout(self._deadline_ms / 1_000):
                return await answered
        except (LinkError, Unreadable, TimeoutError):
            return None
        finally:
            self._waiting.pop(ask.authorisation, None)

    def take_answer(self, payload: bytes) -> bool:
        """Take a message from the answer topic.

        Returns:
            Whether somebody was waiting for exactly this answer.
        """
        try:
            signed = read_text(payload)
            answer = open_message(signed, Answer, context=CONTEXTS[Answer], keys=self._identity.central_keys)
        except WireError as error:
            _log.warning("answer dropped", reason=str(error))
            return False
        asked, waiter = self._waiting.get(answer.ask.authorisation, (None, None))
        if waiter is None or waiter.done():
            return False
        if answer.ask != asked or answer.device != self._identity.device:
            _log.warning("answer to another ask dropped", authorisation=str(answer.ask.authorisation))
            return False
        waiter.set_result(Answered(answer=answer, signed=signed))
        return True
