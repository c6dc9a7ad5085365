"""This box's operations that its replica doesn't have yet."""

from __future__ import annotations

from uuid import UUID

from programme.events import Earned, Event, Redeemed, Sold, Voided
from programme.state import OperationKind, Records, open_operation


def standing(own: tuple[Event, ...]) -> list[Event]:
    """Own operations that weren't voided, without the voids themselves and without exercises."""
    voided = {event.data.target for event in own if isinstance(event.data, Voided) and not event.data.counter.training}
    return [
        event
        for event in own
        if isinstance(event.data, Earned | Redeemed | Sold)
        and event.event_id not in voided
        and not event.data.counter.training
    ]


def voids_of_booked(own: tuple[Event, ...]) -> list[Voided]:
    """Own voids that the replica doesn't have, of operations that it has."""
    uncounted = {event.event_id for event in own}
    return [
        event.data
        for event in own
        if isinstance(event.data, Voided) and event.data.target not in uncounted and not event.data.counter.training
    ]


def was(kind: OperationKind, event_id: UUID, records: Records) -> bool:
    """Whether an operation is known here to have been of a kind."""
    operation = open_operation(records, event_id)
    return operation is not None and operation.kind is kind
