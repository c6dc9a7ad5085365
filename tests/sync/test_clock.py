"""Order times only go forward, whatever the machine's clocks do."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from programme.events import ClockState
from sync.clock import LinuxClock, OrderClock
from tests.sync.boxes import NOON, FakeClock

US = timedelta(microseconds=1)


def test_the_first_time_is_just_after_the_enrolments() -> None:
    clock = OrderClock.starting_at(FakeClock(), NOON)

    assert clock.peek() == NOON + US
    assert (clock.next(), clock.next()) == (NOON + US, NOON + 2 * US)
    assert clock.state is ClockState.SYNCED


def test_it_counts_what_has_passed_since_boot() -> None:
    boot = FakeClock()
    clock = OrderClock.starting_at(boot, NOON)
    boot.pass_s(90)

    assert clock.next() == NOON + timedelta(seconds=90)


@pytest.mark.parametrize("wall", [datetime(1970, 1, 1, tzinfo=UTC), datetime(2040, 1, 1, tzinfo=UTC)])
def test_the_wall_clock_does_not_matter(wall: datetime) -> None:
    boot = FakeClock()
    clock = OrderClock.starting_at(boot, NOON)
    boot.wall = wall
    boot.elapsed += 1_000

    assert clock.next() == NOON + timedelta(milliseconds=1)


def test_another_process_of_the_same_boot_goes_on() -> None:
    boot = FakeClock()
    clock = OrderClock.starting_at(boot, NOON)
    clock.next()
    base = clock.base
    boot.pass_s(10)

    later = OrderClock(boot, base)

    assert later.next() == NOON + US + timedelta(seconds=10)
    assert later.state is ClockState.SYNCED


def test_a_reboot_resumes_at_the_maximum_and_is_suspect_until_signed_time() -> None:
    boot = FakeClock()
    clock = OrderClock.starting_at(boot, NOON)
    boot.pass_s(3_600)
    last = clock.next()
    boot.reboot("boot-2", datetime(1970, 1, 1, tzinfo=UTC))

    clock = OrderClock(boot, clock.base)
    assert (clock.peek(), clock.state) == (last + US, ClockState.SUSPECT)
    boot.pass_s(5)
    assert clock.next() == last + timedelta(seconds=5)

    clock.signed_time(NOON + timedelta(days=2))
    assert (clock.peek(), clock.state) == (NOON + timedelta(days=2) + US, ClockState.SYNCED)


def test_a_signed_time_in_the_past_moves_nothing_back_but_ends_the_doubt() -> None:
    boot = FakeClock()
    clock = OrderClock(boot, OrderClock.starting_at(FakeClock(boot="boot-0"), NOON).base)
    boot.pass_s(60)

    clock.signed_time(NOON - timedelta(days=1))

    assert clock.state is ClockState.SYNCED
    assert clock.next() == NOON + timedelta(seconds=60)


def test_a_counter_that_went_back_within_a_boot_stops_no_one() -> None:
    boot = FakeClock()
    clock = OrderClock.starting_at(boot, NOON)
    boot.elapsed = 0

    assert (clock.next(), clock.next()) == (NOON + US, NOON + 2 * US)


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("next"), st.just(0)),
        st.tuples(st.just("pass"), st.integers(-(10**9), 10**12)),
        st.tuples(st.just("reboot"), st.integers(0, 10**9)),
        st.tuples(st.just("restart"), st.just(0)),
        st.tuples(st.just("signed"), st.integers(-(10**14), 10**14)),
    )
)


@given(STEPS)
def test_order_times_rise_whatever_happens(steps: list[tuple[str, int]]) -> None:
    boot = FakeClock()
    clock = OrderClock.starting_at(boot, NOON)
    last = NOON
    for number, (step, us) in enumerate(steps):
        if step == "next":
            least = clock.peek()
            at = clock.next()
            assert at == least
            assert at > last
            last = at
        elif step == "pass":
            boot.elapsed += us
        elif step == "reboot":
            boot.boot, boot.elapsed = f"again-{number}", us
            clock = OrderClock(boot, clock.base)
            assert clock.state is ClockState.SUSPECT
        elif step == "restart":
            clock = OrderClock(boot, clock.base)
        else:
            clock.signed_time(NOON + us * US)
            assert clock.peek() > NOON + us * US


def test_linux_says_which_boot_and_how_long() -> None:
    clock = LinuxClock()

    before = clock.elapsed_us()
    assert clock.boot_id() == LinuxClock().boot_id() != ""
    assert clock.elapsed_us() >= before > 0
    assert clock.now().tzinfo is UTC
