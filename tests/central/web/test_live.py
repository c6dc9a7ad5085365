"""The board: drawn once for all, only when something changed, and only while somebody looks."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator, Awaitable, Callable

import pytest

from central.web.live import AT_MOST_EVERY_S, MOST_WATCHERS, REST_SHARE, Board, Drawn, rest_s


class Scene:
    """What is drawn; the test changes it."""

    def __init__(self) -> None:
        self.at = 0
        self.draws = 0
        self.broken = False
        self.checking = threading.Event()
        self.checking.set()
        self.board = Board(boot="b", stamp=lambda: self.at, draw=self.draw, check=self.check)

    def draw(self) -> str:
        if self.broken:
            raise ValueError("can't be drawn")
        self.draws += 1
        return f"state {self.at}"

    def check(self) -> None:
        self.checking.wait()

    def change(self) -> None:
        self.at += 1
        self.board.nudge()


def played(play: Callable[[Scene], Awaitable[None]]) -> Scene:
    """Play a scene to its end."""

    async def run() -> Scene:
        scene = Scene()
        await play(scene)
        return scene

    return asyncio.run(run())


async def take(stream: AsyncGenerator[Drawn, None]) -> Drawn:
    return await anext(stream)


async def ended(stream: AsyncGenerator[Drawn, None]) -> bool:
    return [drawn async for drawn in stream] == []


def test_a_newcomer_gets_the_state_and_then_each_change() -> None:
    async def play(scene: Scene) -> None:
        stream = scene.board.watch()
        first = await take(stream)
        scene.change()
        second = await take(stream)

        assert (first.text, second.text) == ("state 0", "state 1")
        assert first.id != second.id
        await scene.board.close()
        assert await ended(stream)

    played(play)


def test_a_state_is_drawn_once_for_all() -> None:
    async def play(scene: Scene) -> None:
        streams = [scene.board.watch() for _ in range(5)]
        texts = {(await take(stream)).text for stream in streams}

        assert (texts, scene.draws) == ({"state 0"}, 1)
        await scene.board.close()
        for stream in streams:
            assert await ended(stream)

    played(play)


def test_who_is_slow_gets_the_newest_only() -> None:
    async def play(scene: Scene) -> None:
        slow, quick = scene.board.watch(), scene.board.watch()
        await take(slow)
        await take(quick)
        for _ in range(3):
            scene.change()
            newest = await take(quick)

        assert await take(slow) == newest
        await scene.board.close()
        assert await ended(slow)
        assert await ended(quick)

    played(play)


def test_what_commands_write_beside_the_service_is_noticed_without_a_word() -> None:
    async def play(scene: Scene) -> None:
        stream = scene.board.watch()
        await take(stream)
        scene.at += 1

        assert (await take(stream)).text == "state 1"
        await scene.board.close()
        assert await ended(stream)

    played(play)


def test_who_has_the_newest_state_gets_it_only_when_it_changes() -> None:
    async def play(scene: Scene) -> None:
        other = scene.board.watch()
        known = await take(other)
        back = scene.board.watch(known.id)
        waiting = asyncio.ensure_future(take(back))
        scene.change()

        assert (await waiting).text == "state 1"
        await scene.board.close()
        assert await ended(other)
        assert await ended(back)

    played(play)


def test_a_check_that_takes_its_time_keeps_nobody_waiting() -> None:
    async def play(scene: Scene) -> None:
        scene.checking.clear()
        stream = scene.board.watch()
        await take(stream)
        scene.change()

        assert (await take(stream)).text == "state 1"
        scene.checking.set()
        await stream.aclose()

    played(play)


def test_after_a_look_that_took_long_there_is_a_long_rest() -> None:
    assert rest_s(0.0) == AT_MOST_EVERY_S
    assert rest_s(2.0) == 2.0 * REST_SHARE


def test_nothing_is_drawn_while_nobody_looks() -> None:
    async def play(scene: Scene) -> None:
        stream = scene.board.watch()
        await take(stream)
        await stream.aclose()
        scene.change()
        again = scene.board.watch()

        assert (await take(again)).text == "state 1"
        assert scene.draws == 2
        await again.aclose()

    played(play)


def test_the_number_of_watchers_is_bounded() -> None:
    async def play(scene: Scene) -> None:
        streams = [scene.board.watch() for _ in range(MOST_WATCHERS)]
        for stream in streams:
            assert not scene.board.is_full
            await take(stream)

        assert scene.board.is_full
        await streams.pop().aclose()
        assert not scene.board.is_full
        await scene.board.close()
        for stream in streams:
            assert await ended(stream)

    played(play)


def test_nobody_waits_for_a_state_that_can_not_be_drawn() -> None:
    async def play(scene: Scene) -> None:
        scene.broken = True
        with pytest.raises(ExceptionGroup) as caught:
            await ended(scene.board.watch())
        assert caught.group_contains(ValueError, match="can't be drawn")

        scene.broken = False
        again = scene.board.watch()
        assert (await take(again)).text == "state 0"
        await again.aclose()

    played(play)
