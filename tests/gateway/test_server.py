"""Connections to the local API: who asks for nothing is let go, and the network holds only so many."""

from __future__ import annotations

import asyncio
import json

import pytest
from websockets.asyncio.client import connect

from gateway.server import MOST_OF_ONE_ADDRESS, MOST_OF_THE_NETWORK, Door
from tests.gateway.api.serving import served
from tests.gateway.till import Till


class Line(asyncio.Transport):
    """A connection."""

    is_cut = False

    def is_closing(self) -> bool:
        return self.is_cut


def test_one_address_has_its_share_and_the_others_theirs() -> None:
    door = Door()

    held = [door.admits("192.168.1.66", Line()) for _ in range(MOST_OF_ONE_ADDRESS + 1)]

    assert held == [True] * MOST_OF_ONE_ADDRESS + [False]
    assert door.admits("192.168.1.31", Line())


@pytest.mark.parametrize("own", ["127.0.0.1", "::1", "::ffff:127.0.0.1"])
def test_all_addresses_together_leave_room_for_this_machine(own: str) -> None:
    door = Door()

    held = [door.admits(f"192.168.1.{number}", Line()) for number in range(MOST_OF_THE_NETWORK + 1)]

    assert held == [True] * MOST_OF_THE_NETWORK + [False]
    assert all(door.admits(own, Line()) for _ in range(MOST_OF_THE_NETWORK))


def test_who_goes_makes_room() -> None:
    door, lines = Door(), [Line() for _ in range(MOST_OF_ONE_ADDRESS)]
    for line in lines:
        door.admits("192.168.1.31", line)

    lines[0].is_cut = True

    assert [door.admits("192.168.1.31", Line()) for _ in range(2)] == [True, False]


@pytest.mark.parametrize("sent", [b"", b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Half: "], ids=["nothing", "half"])
def test_who_asks_for_nothing_is_let_go_and_who_listens_stays(till: Till, sent: bytes) -> None:
    async def story() -> tuple[int, int]:
        async with served(till.api, Door(asks_within_s=0.05)) as box, connect(f"ws://{box}/v1/screen/live") as screen:
            first = json.loads(await screen.recv())["screen"]["revision"]
            reader, writer = await asyncio.open_connection(*box.split(":"))
            writer.write(sent)
            assert await reader.read() == b""  # let go, without a word
            writer.close()
            till.box.desk.place(till.box.central.card(1), device="douchette")
            return first, json.loads(await screen.recv())["screen"]["revision"]

    before, after = asyncio.run(story())

    assert after > before
