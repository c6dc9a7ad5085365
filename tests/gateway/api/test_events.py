"""The event stream: every operation once, in order, from wherever a till left off."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncGenerator
from typing import Any
from uuid import uuid4

import httpx
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from gateway.api.live import CHATTER_FRAMES, MOST_CLIENTS
from tests.gateway.api.serving import served
from tests.gateway.till import Till


def earn(till: Till, *amounts: str) -> list[str]:
    return [till.operate(kind="earn", amount=amount, code=till.box.central.card(1))["event_id"] for amount in amounts]


async def sent(response: httpx.Response) -> AsyncGenerator[tuple[int, Any], None]:
    """Each id with its data; None where only an id was sent."""
    position = event = None
    async for line in response.aiter_lines():
        field, _, value = line.partition(": ")
        if field == "id":
            position = int(value)
        elif field == "data":
            event = json.loads(value)
        elif line == "" and position is not None:
            yield position, event
            position = event = None


async def take(till: Till, count: int, *, query: str = "", **headers: str) -> list[tuple[int, Any]]:
    """The first events of a stream, after the id that it begins with."""
    _, *events = await take_all(till, count + 1, query=query, **headers)
    return events


async def take_all(till: Till, count: int, *, query: str = "", **headers: str) -> list[tuple[int, Any]]:
    """The first ids of a stream."""
    async with (
        served(till.api) as box,
        httpx.AsyncClient() as client,
        client.stream("GET", f"http://{box}/v1/events{query}", headers=headers) as response,
    ):
        assert response.headers["content-type"].startswith("text/event-stream")
        found = []
        async with contextlib.aclosing(sent(response)) as events:
            async for event in events:
                found.append(event)
                if len(found) == count:
                    break
        return found


def test_a_till_reads_everything_and_resumes_where_it_left_off(till: Till) -> None:
    keys = earn(till, "10,00", "20,00", "30,00")

    async def listen_twice() -> tuple[list[tuple[int, Any]], list[tuple[int, Any]]]:
        everything = await take(till, 3, query="?after=0")
        (first_position, _), *_ = everything
        return everything, await take(till, 2, query="?after=0", **{"Last-Event-ID": str(first_position)})

    everything, resumed = asyncio.run(listen_twice())

    assert [event["id"] for _, event in everything] == keys
    assert everything[0][1]["specversion"] == "1.0"
    assert resumed == everything[1:]


async def live(socket: ClientConnection, count: int) -> list[tuple[int, str]]:
    """The first events of a WebSocket: their positions and ids."""
    assert set(json.loads(await socket.recv())) == {"position"}
    told = [json.loads(await socket.recv()) for _ in range(count)]
    return [(one["position"], one["event"]["id"]) for one in told]


async def closed(socket: ClientConnection) -> int | None:
    """Read on until the box closes; its code."""
    with contextlib.suppress(ConnectionClosed):
        while True:
            await socket.recv()
    return socket.close_code


def test_a_till_resumes_over_either_way_after_the_box_was_restarted(till: Till) -> None:
    earn(till, "10,00", "20,00")
    ((first_position, _), _) = asyncio.run(take(till, 2, query="?after=0"))
    till.box.restart()
    restarted = Till(till.box)
    (third,) = earn(restarted, "30,00")

    async def follow() -> list[tuple[int, str]]:
        async with (
            served(restarted.api) as box,
            connect(f"ws://{box}/v1/events/live?after={first_position}") as socket,
        ):
            return await live(socket, 2)

    over_http = asyncio.run(take(restarted, 2, **{"Last-Event-ID": str(first_position)}))

    assert over_http[-1][1]["id"] == third
    assert asyncio.run(follow()) == [(position, event["id"]) for position, event in over_http]


def test_a_closure_is_told_and_the_box_s_own_rows_are_not(till: Till) -> None:
    till.box.give_grant()
    earn(till, "10,00")
    till.http.post("/v1/day-closures")

    told = asyncio.run(take(till, 2, query="?after=0"))

    assert [event["type"].split(".")[-2] for _, event in told] == ["earned", "day_closed"]


def test_a_till_hears_what_is_recorded_from_now_on(till: Till) -> None:
    earn(till, "10,00")

    async def listen() -> Any:  # noqa: ANN401
        async with (
            served(till.api) as box,
            connect(f"ws://{box}/v1/events/live") as socket,
            httpx.AsyncClient() as client,
        ):
            await client.post(
                f"http://{box}/v1/operations",
                json={"kind": "earn", "amount": "20,00", "code": till.box.central.card(1)},
                headers={"Idempotency-Key": str(uuid4())},
            )
            return [json.loads(await socket.recv()) for _ in range(2)]

    began, told = asyncio.run(listen())

    assert told["event"]["data"]["basket_minor"] == 2_000
    assert told["position"] == till.box.lookup.last_position()
    assert began == {"position": told["position"] - 1}


def test_who_heard_nothing_yet_can_resume(till: Till) -> None:
    earn(till, "10,00")

    ((began, nothing),) = asyncio.run(take_all(till, 1))
    (missed,) = earn(till, "20,00")
    ((_, told),) = asyncio.run(take(till, 1, **{"Last-Event-ID": str(began)}))

    assert (nothing, told["id"]) == (None, missed)


def test_a_till_that_was_further_than_a_restored_disk_hears_all_it_has(till: Till) -> None:
    keys = earn(till, "10,00", "20,00")

    async def follow() -> list[tuple[int, str]]:
        async with served(till.api) as box, connect(f"ws://{box}/v1/events/live?after=500") as socket:
            return await live(socket, 2)

    over_http = asyncio.run(take(till, 2, **{"Last-Event-ID": "500"}))

    assert [event["id"] for _, event in over_http] == keys
    assert [key for _, key in asyncio.run(follow())] == keys


def test_more_than_one_helping_is_told_without_a_gap(till: Till) -> None:
    keys = earn(till, *("1,00" for _ in range(120)))

    told = asyncio.run(take(till, 120, query="?after=0"))

    assert [event["id"] for _, event in told] == keys


def test_one_listener_too_many_is_told_so_in_words(till: Till) -> None:
    async def listen() -> httpx.Response:
        async with (
            served(till.api) as box,
            httpx.AsyncClient(limits=httpx.Limits(max_connections=None)) as client,
            contextlib.AsyncExitStack() as listening,
        ):
            for _ in range(MOST_CLIENTS):
                await listening.enter_async_context(client.stream("GET", f"http://{box}/v1/events"))
            return await client.get(f"http://{box}/v1/events", headers={"Accept-Language": "en"})

    refused = asyncio.run(listen())

    assert (refused.status_code, refused.json()["title"]) == (503, "too-many-screens")
    assert refused.json()["detail"] == "Too many screens or programs listen to this till box: close one."


def test_who_reads_nothing_holds_up_nobody_and_loses_nothing(till: Till) -> None:
    keys = earn(till, *("1,00" for _ in range(150)))

    async def listen() -> tuple[list[tuple[int, str]], list[tuple[int, str]]]:
        async with (
            served(till.api) as box,
            connect(f"ws://{box}/v1/events/live?after=0", max_queue=1) as slow,
            connect(f"ws://{box}/v1/events/live?after=0") as quick,
        ):
            heard = await live(quick, len(keys))
            return heard, await live(slow, len(keys))

    quick, slow = asyncio.run(listen())

    assert [key for _, key in quick] == keys
    assert slow == quick


def test_one_websocket_too_many_is_asked_to_come_back_later(till: Till) -> None:
    earn(till, "10,00")

    async def listen() -> int | None:
        async with served(till.api) as box, contextlib.AsyncExitStack() as listening:
            for _ in range(MOST_CLIENTS):
                taken = await listening.enter_async_context(connect(f"ws://{box}/v1/events/live?after=0"))
                await live(taken, 1)
            async with connect(f"ws://{box}/v1/events/live") as refused:
                return await closed(refused)

    assert asyncio.run(listen()) == 1013


@pytest.mark.parametrize(
    ("frames", "code"),
    [(["hello"] * CHATTER_FRAMES, 1008), (["x" * 10_000], 1009)],
    ids=["chatter", "a frame too large"],
)
def test_who_talks_is_closed_and_the_others_hear_on(till: Till, frames: list[str], code: int) -> None:
    (key,) = earn(till, "10,00")

    async def talk() -> tuple[int | None, list[tuple[int, str]]]:
        async with (
            served(till.api) as box,
            connect(f"ws://{box}/v1/events/live?after=0") as quiet,
            connect(f"ws://{box}/v1/events/live?after=0") as loud,
        ):
            for frame in frames:
                await loud.send(frame)
            return await closed(loud), await live(quiet, 1)

    end, heard = asyncio.run(talk())

    assert end == code
    assert [told for _, told in heard] == [key]


@pytest.mark.parametrize("position", ["-1", "abc", "1.5", str(2**63)])
def test_an_event_id_that_is_none_is_a_problem(till: Till, position: str) -> None:
    refused = till.http.get("/v1/events", headers={"Last-Event-ID": position})

    assert (refused.status_code, refused.headers["content-type"]) == (422, "application/problem+json")
    assert "last-event-id" in refused.json()["detail"]


def test_a_position_that_can_not_be_is_refused(till: Till) -> None:
    assert till.http.get("/v1/events?after=-1").status_code == 422
    assert till.http.get(f"/v1/events?after={2**63}").status_code == 422
