"""What a box says about itself: birth, death, health, reports."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import structlog

from edge_config.enrolment import write_private
from gateway.counter import CounterService
from gateway.devices import DeviceBoard
from gateway.identity import SOFTWARE, Identity
from gateway.lookup import Lookup
from programme.canonical import canonical_bytes
from sync.journal import Journal
from sync.mqtt import Will
from sync.topics import Up
from sync.wire import CONTEXTS, Birth, Death, Health, Report, sign_message

_log = structlog.get_logger("comptoir.announcing")

BOOTS = "boots"
"""How often the agent was started, in the data folder."""


def count_boot(data_dir: Path) -> int:
    """Count a start of the agent; a full disk, which can't keep the count, doesn't keep the box from starting."""
    path = data_dir / BOOTS
    try:
        boot = int(path.read_text(encoding="ascii")) + 1
    except (OSError, ValueError):
        boot = 1
    try:
        write_private(path, f"{boot}\n".encode("ascii"), may_replace=True)
    except OSError as error:
        _log.error("boot not counted", reason=error.strerror)
    return boot


class Announcer:
    """Makes the messages that a box sends about itself."""

    def __init__(
        self,
        *,
        identity: Identity,
        journal: Journal,
        lookup: Lookup,
        counter: CounterService,
        board: DeviceBoard,
        boot: int,
        now: Callable[[], datetime],
    ) -> None:
        self._identity = identity
        self._journal = journal
        self._lookup = lookup
        self._counter = counter
        self._board = board
        self._boot = boot
        self._now = now

    def will(self) -> Will:
        """What the broker says for the box when it is gone."""
        death = Death(device=self._identity.device, boot=self._boot)
        return Will(topic=self._identity.address.up(Up.PRESENCE), payload=canonical_bytes(death))

    def birth(self) -> bytes:
        """The box is there."""
        grant = self._lookup.grant()
        return self._sign(
            Birth(
                device=self._identity.device,
                boot=self._boot,
                software=SOFTWARE,
                head=self._journal.head,
                grant=grant.grant_id if grant is not None else None,
                heads=self._journal.replica_heads(),
                config=self._counter.configured.configuration.version,
                at=self._now(),
            )
        )

    def health(self) -> bytes:
        """How the box fares."""
        queue = self._journal.queue()
        return self._sign(
            Health(
                device=self._identity.device,
                at=self._now(),
                unbooked_rows=queue.unbooked_rows,
                value_at_risk_minor=queue.value_at_risk_minor,
                oldest_unbooked_at=queue.oldest_unbooked_at,
                clock=self._lookup.clock_state(),
                devices=self._board.states,
            )
        )

    def report(self, subject: str, *, ok: bool, detail: dict[str, Any]) -> bytes:
        """What came of a command or a configuration."""
        return self._sign(Report(device=self._identity.device, subject=subject, ok=ok, detail=detail, at=self._now()))

    def _sign(self, message: Birth | Health | Report) -> bytes:
        return sign_message(
            message, context=CONTEXTS[type(message)], key_id=self._identity.device, key=self._identity.journal_key
        )
