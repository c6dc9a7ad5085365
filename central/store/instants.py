"""Instants as whole microseconds since 1970: exact, and the same in every database."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


def to_us(instant: datetime) -> int:
    """Microseconds since 1970."""
    return (instant - _EPOCH) // MICROSECOND


def from_us(us: int) -> datetime:
    """The instant, UTC."""
    return _EPOCH + us * MICROSECOND
