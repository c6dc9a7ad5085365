"""What central needs from outside, so that tests can decide it: time, ids, and where messages go."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol
from uuid import UUID

import uuid_utils.compat


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
    """The machine's clock."""

    def now(self) -> datetime:
        """The time of day."""
        return datetime.now(UTC)


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
