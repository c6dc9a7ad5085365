"""Screens that stay: each gets the whole state at each change, and none can harm another."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any, NoReturn

import pytest
from fastapi import FastAPI, WebSocket
from starlette.types import Message
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.protocol import State

from gateway.api.live import MOST_CLIENTS, Live, Places, Send
from gateway.api.screen import add_screen
from gateway.errors import CounterError
from gateway.words import Problem
from tests.gateway.api.serving import served
from tests.gateway.till import Till

LIVE = "/v1/screen/live?language=en"


async def screen_of(socket: ClientConnection) -> Any:  # noqa: ANN401
    return json.loads(await socket.recv())["screen"]


async def shown(socket: ClientConnection, condition: Callable[[Any], bool]) -> Any:  # noqa: ANN401
    """The first state that fits."""
    while not condition(screen := await screen_of(socket)):
        pass
    return screen


async def closed(socket: ClientConnection) -> tuple[int, str]:
    """Read on until the box closes; the code and the reason."""
    with contextlib.suppress(ConnectionClosed):
        while True:
            await socket.recv()
    assert socket.close_code is not None
    return socket.close_code, socket.close_reason or ""


def test_every_screen_gets_the_state_at_once_and_at_each_change(till: Till) -> None:
    async def play() -> tuple[Any, Any, Any]:
        async with (
            served(till.api) as box,
            connect(f"ws://{box}{LIVE}") as one,
            connect(f"ws://{box}/v1/screen/live") as other,
        ):
            first = await screen_of(one)
            till.box.desk.place(till.box.central.card(1), device="douchette")
            return first, await shown(one, lambda it: it["presented"]), await shown(other, lambda it: it["presented"])

    first, english, french = asyncio.run(play())

    assert (first["presented"], first["language"]) == ([], "en")
    assert english["revision"] > first["revision"]
    assert (english["language"], french["language"]) == ("en", "fr")
    assert english["presented"][0]["key"] == french["presented"][0]["key"]


def test_a_page_that_is_left_open_sees_the_next_day(till: Till) -> None:
    api = FastAPI()
    add_screen(api, till.screen, look_at_calendar_s=0.01)

    async def play() -> tuple[str, str]:
        async with served(api) as box, connect(f"ws://{box}{LIVE}") as socket:
            today = (await screen_of(socket))["business_day"]
            till.box.clock.wall += timedelta(days=1)
            return today, (await screen_of(socket))["business_day"]

    assert asyncio.run(play()) == ("2026-05-04", "2026-05-05")


def test_a_burst_of_changes_is_not_a_queue_of_states(till: Till) -> None:
    async def play() -> list[int]:
        async with served(till.api) as box, connect(f"ws://{box}{LIVE}") as socket:
            await screen_of(socket)
            for _ in range(100):
                till.box.desk.place(till.box.central.card(1), device="douchette")
            seen = [await screen_of(socket)]
            while seen[-1]["presented"][0]["number"] < 100:
                seen.append(await screen_of(socket))
            return [screen["presented"][0]["number"] for screen in seen]

    assert asyncio.run(play()) == [100]


FLOODS: dict[str, Callable[[ClientConnection], Any]] = {
    "chatter": lambda socket: socket.send("hello"),
    "bytes": lambda socket: socket.send(b"\xff" * 64),
    "fragments": lambda socket: socket.send(["a", "b", "c"]),
}


@pytest.mark.parametrize("flood", FLOODS.values(), ids=FLOODS)
def test_a_client_that_floods_is_closed_and_costs_the_others_nothing(
    till: Till, flood: Callable[[ClientConnection], Any]
) -> None:
    async def play() -> tuple[tuple[int, str], Any]:
        async with (
            served(till.api) as box,
            connect(f"ws://{box}{LIVE}") as quiet,
            connect(f"ws://{box}{LIVE}") as loud,
        ):
            with contextlib.suppress(ConnectionClosed):
                for _ in range(1_000):
                    await flood(loud)
            end = await closed(loud)
            till.box.desk.place(till.box.central.card(1), device="douchette")
            return end, await shown(quiet, lambda it: it["presented"])

    end, screen = asyncio.run(play())

    assert end == (1008, "Clients only listen here.")
    assert screen["presented"][0]["understood"]


GARBAGE = {
    "a frame that claims 2^63 bytes": b"\x82\xff" + b"\x7f" + b"\xff" * 7 + b"mask",
    "a frame with its highest length bit set": b"\x82\xff" + b"\xff" * 8 + b"mask",
    "an opcode that doesn't exist": b"\x8f\x80mask",
    "a frame without a mask": b"\x81\x02hi",
}


@pytest.mark.parametrize("garbage", GARBAGE.values(), ids=GARBAGE)
def test_garbage_on_the_wire_ends_its_own_connection_alone(till: Till, garbage: bytes) -> None:
    async def play() -> tuple[int, Any]:
        async with (
            served(till.api) as box,
            connect(f"ws://{box}{LIVE}") as quiet,
            connect(f"ws://{box}{LIVE}") as loud,
        ):
            loud.transport.write(garbage)
            code, _ = await closed(loud)
            till.box.desk.place(till.box.central.card(1), device="douchette")
            return code, await shown(quiet, lambda it: it["presented"])

    code, screen = asyncio.run(play())

    assert code in (1002, 1009)
    assert screen["presented"][0]["understood"]


def test_one_screen_too_many_is_told_so_and_fits_once_another_goes(till: Till) -> None:
    async def play() -> tuple[tuple[int, str], Any]:
        async with served(till.api) as box, contextlib.AsyncExitStack() as open_screens:
            screens = [
                await open_screens.enter_async_context(connect(f"ws://{box}{LIVE}")) for _ in range(MOST_CLIENTS)
            ]
            for screen in screens:
                await screen_of(screen)
            async with connect(f"ws://{box}{LIVE}") as refused:
                end = await closed(refused)
            await screens[0].close()
            while True:
                async with connect(f"ws://{box}{LIVE}") as again:
                    with contextlib.suppress(ConnectionClosed):
                        return end, await screen_of(again)

    end, screen = asyncio.run(play())

    assert end == (1013, "Trop d'écrans ou de logiciels écoutent cette caisse : fermez-en un.")
    assert screen["presented"] == []


def test_a_page_of_another_origin_gets_no_socket(till: Till) -> None:
    async def play() -> NoReturn:
        async with served(till.api) as box, connect(f"ws://{box}{LIVE}", origin="http://evil.example"):  # type: ignore[arg-type]
            raise AssertionError("it was let in")

    with pytest.raises(InvalidStatus) as refused:
        asyncio.run(play())
    assert refused.value.response.status_code == 403


def test_who_stays_connected_but_takes_nothing_makes_room() -> None:
    places = Places()

    async def play() -> None:
        incoming: asyncio.Queue[Message] = asyncio.Queue()
        incoming.put_nowait({"type": "websocket.connect"})

        async def send(message: Message) -> None:
            if message["type"] == "websocket.send":
                await asyncio.Event().wait()

        async def push(send: Send) -> None:
            await send("a state")

        socket = WebSocket({"type": "websocket"}, receive=incoming.get, send=send)
        await Live(places, language="fr", stalled_s=0.01).serve(socket, push)

    asyncio.run(play())

    assert places.taken == 0


def test_a_fault_while_pushing_is_not_swallowed() -> None:
    async def play() -> None:
        incoming: asyncio.Queue[Message] = asyncio.Queue()
        incoming.put_nowait({"type": "websocket.connect"})

        async def send(message: Message) -> None:
            pass

        async def push(_: Send) -> None:
            raise CounterError(Problem.JOURNAL_FAULT)

        socket = WebSocket({"type": "websocket"}, receive=incoming.get, send=send)
        await Live(Places(), language="fr").serve(socket, push)

    with pytest.raises(CounterError):
        asyncio.run(play())


def test_the_box_can_stop_while_screens_are_open(till: Till) -> None:
    async def play() -> State:
        async with contextlib.AsyncExitStack() as later:
            async with served(till.api) as box:
                socket = await later.enter_async_context(connect(f"ws://{box}{LIVE}"))
                await screen_of(socket)
            await closed(socket)
            return socket.state

    assert asyncio.run(play()) is State.CLOSED
