"""Waits grow, are capped, differ, and only success resets them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sync.backoff import Backoff


def test_waits_double_up_to_the_cap() -> None:
    backoff = Backoff(first_s=1, cap_s=10, random=lambda: 1.0)

    assert [backoff.next_s() for _ in range(6)] == [1, 2, 4, 8, 10, 10]


def test_success_starts_again() -> None:
    backoff = Backoff(first_s=1, cap_s=10, random=lambda: 1.0)
    for _ in range(4):
        backoff.next_s()
    backoff.proved()

    assert backoff.next_s() == 1


@given(st.lists(st.floats(0, 1, exclude_max=True), min_size=1, max_size=2_000))
def test_jitter_takes_up_to_half(numbers: list[float]) -> None:
    jitter = iter(numbers)
    backoff = Backoff(first_s=0.5, cap_s=60, random=lambda: next(jitter))

    for failures in range(len(numbers)):
        bound_s = min(60.0, 0.5 * float(2 ** min(failures, 60)))
        assert bound_s / 2 <= backoff.next_s() <= bound_s
