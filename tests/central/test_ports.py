"""The machine's clock, as central reads it."""

from __future__ import annotations

from datetime import datetime, timedelta

from central.ports import SystemClock
from tests.central.world import NOON


class Machine:
    """A clock that people set, beside one that only runs."""

    def __init__(self) -> None:
        self.wall = NOON
        self.elapsed_s = 100.0

    def runs(self, seconds: float) -> None:
        self.wall += timedelta(seconds=seconds)
        self.elapsed_s += seconds

    def clock(self) -> SystemClock:
        return SystemClock(wall=self._now, elapsed_s=lambda: self.elapsed_s)

    def _now(self) -> datetime:
        return self.wall


def test_the_clock_goes_on_when_the_machine_s_is_set_back() -> None:
    machine = Machine()
    clock = machine.clock()
    machine.runs(10)
    assert clock.now() == NOON + timedelta(seconds=10)

    machine.wall -= timedelta(hours=1)
    machine.runs(600)

    assert clock.now() == NOON + timedelta(seconds=610)


def test_the_clock_follows_a_machine_s_that_is_set_forward() -> None:
    machine = Machine()
    clock = machine.clock()
    machine.wall += timedelta(hours=1)

    assert clock.now() == NOON + timedelta(hours=1)
