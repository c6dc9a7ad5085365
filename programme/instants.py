"""Instants as whole microseconds since 1970: exact, and the same in every database."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


def to_us(at: datetime) -> int:
    """Microseconds since 1970.

    Raises:
        ValueError: The time has no zone.
    """
    if at.tzinfo is None:
        raise ValueError(f"a time without a zone: {at}")
    return (at - _EPOCH) // MICROSECOND


def from_us(at_us: int) -> datetime:
    """Undo `to_us`."""
    return _EPOCH + at_us * MICROSECOND
