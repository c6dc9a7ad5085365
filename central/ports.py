"""What central needs from outside, so that tests can decide it: time, ids, and where messages go."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol
from uuid import UUID

import uuid_utils.compat


def _utc_now() -> datetime:
    return datetime.now(UTC)


class WallClock(Protocol):
    """Reads the time of day."""

    def now(self) -> datetime:
        """Aware, UTC."""
        ...


class IdSource(Protocol):
    """Makes ids for central's own events."""

    def new_id(self) -> UUID:
        """A UUIDv7."""
        ...


class SystemClock:
    """The machine's clock, that goes on when the machine's is set back.

    Boxes go on from the times that central signed; if central's clock stood behind them for long, it would take their
    rows for rows of the future.
    """

    def __init__(
        self, wall: Callable[[], datetime] = _utc_now, elapsed_s: Callable[[], float] = time.monotonic
    ) -> None:
        self._wall = wall
        self._elapsed_s = elapsed_s
        self._last = wall(), elapsed_s()

    def now(self) -> datetime:
        """The time of day; within this process, never less than before and what has elapsed since."""
        at, elapsed_s = self._last
        now_s = self._elapsed_s()
        self._last = max(self._wall(), at + timedelta(seconds=now_s - elapsed_s)), now_s
        return self._last[0]


class RandomIds:
    """UUIDv7 from time and the system's randomness (RFC 9562 §5.7)."""

    def new_id(self) -> UUID:
        """A new id."""
        return uuid_utils.compat.uuid7()


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """A message to publish once its transaction is committed."""

    topic: str
    payload: bytes
