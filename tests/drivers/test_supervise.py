"""Devices are kept open whatever happens to them. Time is a number here: nothing sleeps."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from drivers.errors import DeviceGone, ProtocolError
from drivers.supervise import Backoff, Clock, DeviceReport, DeviceState, supervise

Ready = Callable[[], None]
BACKOFF = Backoff(first_s=1.0, cap_s=8.0, steady_s=5.0)


class World:
    """A clock that moves when somebody sleeps, and what was reported."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self.sleeps_s: list[float] = []
        self.reports: list[DeviceReport] = []

    @property
    def clock(self) -> Clock:
        return Clock(monotonic_s=lambda: self.now_s, sleep=self._sleep, random=lambda: 1.0)

    def keep(self, open_and_run: Callable[[Ready], Awaitable[None]]) -> None:
        asyncio.run(supervise("counter", open_and_run, self.reports.append, clock=self.clock, backoff=BACKOFF))

    async def _sleep(self, seconds: float) -> None:
        self.sleeps_s.append(seconds)
        self.now_s += seconds


@pytest.fixture
def world() -> World:
    return World()


def report(state: DeviceState, message: str = "") -> DeviceReport:
    return DeviceReport(device="counter", state=state, message=message)


def test_unplugged_and_plugged_in_again(world: World) -> None:
    turns = iter(["works, then unplugged", "not there", "not there", "works to its end"])

    async def open_and_run(ready: Ready) -> None:
        turn = next(turns)
        if turn.startswith("works"):
            ready()
        if turn != "works to its end":
            raise DeviceGone("counter: plug it in")

    world.keep(open_and_run)

    assert world.reports == [
        report(DeviceState.OPENING),
        report(DeviceState.READY),
        report(DeviceState.GONE, "counter: plug it in"),
        report(DeviceState.READY),
    ]


def test_waits_double_up_to_the_cap(world: World) -> None:
    tries = iter(range(7))

    async def open_and_run(_: Ready) -> None:
        if next(tries) < 6:
            raise DeviceGone("counter: plug it in")

    world.keep(open_and_run)

    assert world.sleeps_s == [1.0, 2.0, 4.0, 8.0, 8.0, 8.0]


def test_a_device_that_goes_right_after_each_opening_is_not_hammered(world: World) -> None:
    tries = iter(range(5))

    async def open_and_run(ready: Ready) -> None:
        ready()
        if next(tries) < 4:
            raise DeviceGone("counter: hung up")

    world.keep(open_and_run)

    assert world.sleeps_s == [1.0, 2.0, 4.0, 8.0]


def test_a_device_that_was_steady_is_tried_again_soon(world: World) -> None:
    works_s = iter([0.0, 0.0, 60.0, 0.0])
    tries = iter(range(5))

    async def open_and_run(ready: Ready) -> None:
        if next(tries) == 4:
            return
        ready()
        world.now_s += next(works_s)
        raise DeviceGone("counter: hung up")

    world.keep(open_and_run)

    assert world.sleeps_s == [1.0, 2.0, 1.0, 2.0]


def test_an_opening_that_takes_long_and_fails_is_not_steady(world: World) -> None:
    tries = iter(range(3))

    async def open_and_run(_: Ready) -> None:
        world.now_s += 60.0
        if next(tries) < 2:
            raise DeviceGone("counter: no answer")

    world.keep(open_and_run)

    assert world.sleeps_s == [1.0, 2.0]


def test_any_fault_of_a_device_reopens_it(world: World) -> None:
    tries = iter(range(2))

    async def open_and_run(_: Ready) -> None:
        if next(tries) == 0:
            raise ProtocolError("counter: nonsense", dropped=b"\xff")

    world.keep(open_and_run)

    assert report(DeviceState.GONE, "counter: nonsense") in world.reports


def test_a_fault_of_ours_is_not_hidden(world: World) -> None:
    async def open_and_run(_: Ready) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        world.keep(open_and_run)


def test_cancelling_closes_the_device_and_ends(world: World) -> None:
    closed: list[bool] = []

    async def open_and_run(ready: Ready) -> None:
        try:
            ready()
            await asyncio.Event().wait()
        finally:
            closed.append(True)

    async def conversation() -> None:
        task = asyncio.ensure_future(
            supervise("counter", open_and_run, world.reports.append, clock=world.clock, backoff=BACKOFF)
        )
        while report(DeviceState.READY) not in world.reports:
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(conversation())

    assert closed == [True]
    assert world.reports[-1] == report(DeviceState.READY)


@pytest.mark.parametrize(("jitter", "delay_s"), [(0.0, 2.0), (0.5, 3.0), (1.0, 4.0)])
def test_jitter_takes_away_up_to_half(jitter: float, delay_s: float) -> None:
    assert BACKOFF.delay_s(3, jitter) == delay_s


def test_the_thousandth_failure_still_waits_the_cap() -> None:
    assert BACKOFF.delay_s(1_000_000, 1.0) == 8.0
