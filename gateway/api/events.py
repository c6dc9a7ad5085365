"""What was recorded, for point-of-sale software: server-sent events and a WebSocket, both resumable.

An event's id is its position in the journal; a stream begins with the one that it goes on from, so that also who heard
nothing can resume. After a fork the same events come again at later positions, and a disk that was restored from an
older copy tells all it has to who was further: the CloudEvent's `id` stays, and who books events does so by it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import Depends, FastAPI, Header, Query, WebSocket
from fastapi.sse import EventSourceResponse, ServerSentEvent

from gateway.api.live import Live, Places, Send
from gateway.changes import Changes
from gateway.lookup import Lookup

_AT_ONCE = 100
_MOST = 2**63 - 1

Position = Annotated[int | None, Query(ge=0, le=_MOST, description="Only what was recorded after this position.")]
LastEventId = Annotated[int | None, Header(alias="last-event-id", ge=0, le=_MOST)]


def add_events(api: FastAPI, lookup: Lookup, changes: Changes, *, language: str) -> None:
    """Join the paths of the event stream."""
    places = Places()
    live = Live(places, language=language)

    async def place() -> AsyncIterator[None]:
        with places.take():
            yield

    async def told(after: int | None) -> AsyncIterator[tuple[int, str | None]]:
        last = lookup.last_position()
        position = last if after is None else after if after <= last else 0
        yield position, None
        while True:
            revision = changes.revision
            found = lookup.told_after(position, _AT_ONCE)
            for position, event in found:
                if event is not None:
                    yield position, event.decode()
            if len(found) < _AT_ONCE:
                await changes.after(revision)

    @api.get("/v1/events", tags=["events"], response_class=EventSourceResponse, dependencies=[Depends(place)])
    async def events(after: Position = None, last_event_id: LastEventId = None) -> AsyncIterator[ServerSentEvent]:
        """Every operation and closure as a CloudEvent, from now on or after a position (`Last-Event-ID`)."""
        async for position, event in told(last_event_id if last_event_id is not None else after):
            # Without data it is no event, and sets the id all the same (https://html.spec.whatwg.org/#dispatchMessage).
            yield ServerSentEvent(raw_data=event, id=str(position))

    @api.websocket("/v1/events/live")
    async def follow(socket: WebSocket, after: Position = None) -> None:
        async def push(send: Send) -> None:
            async for position, event in told(after):
                await send(
                    f'{{"position":{position}}}' if event is None else f'{{"position":{position},"event":{event}}}'
                )

        await live.serve(socket, push)
