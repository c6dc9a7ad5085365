"""Events as bytes: CloudEvents 1.0 in the JSON event format, as RFC 8785 JSON, so that one event has one form."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from programme.canonical import Instant, canonical_bytes, from_builtins, from_bytes
from programme.errors import NotUnderstood
from programme.events import EVENT_TYPES, ClockState, Event


@dataclass(frozen=True, slots=True, kw_only=True)
class _CloudEvent:
    """The JSON form (CloudEvents 1.0, JSON event format; extension names are lower-case alphanumerics)."""

    specversion: str
    id: UUID
    source: str
    type: str
    time: Instant
    orderedat: Instant
    clockstate: ClockState
    datacontenttype: str
    data: dict[str, Any]


def encode_event(event: Event) -> bytes:
    """The event's canonical bytes."""
    return canonical_bytes(
        {
            "specversion": "1.0",
            "id": event.event_id,
            "source": event.source,
            "type": event.type,
            "time": event.occurred_at,
            "orderedat": event.ordered_at,
            "clockstate": event.clock,
            "datacontenttype": "application/json",
            "data": event.data,
        }
    )


def decode_event(data: bytes | str) -> Event:
    """Read canonical bytes back.

    Raises:
        NotUnderstood: Not JSON, a type this version doesn't know, or a field missing or ill-typed.
    """
    cloud = from_bytes(data, _CloudEvent)
    kind = EVENT_TYPES.get(cloud.type)
    if kind is None:
        raise NotUnderstood(f"event {cloud.id}: unknown type {cloud.type[:80]!r}")
    if cloud.specversion != "1.0":
        raise NotUnderstood(f"event {cloud.id}: unknown specversion {cloud.specversion[:10]!r}")
    return Event(
        event_id=cloud.id,
        source=cloud.source,
        occurred_at=cloud.time,
        ordered_at=cloud.orderedat,
        clock=cloud.clockstate,
        data=from_builtins(cloud.data, kind),
    )
