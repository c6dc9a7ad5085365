"""Waiting before the next attempt: growing, capped, and different on every box."""

from __future__ import annotations

from collections.abc import Callable
from random import random

Random = Callable[[], float]
"""Gives numbers in [0, 1)."""


class Backoff:
    """How long to wait after a failure.

    The bound doubles with each failure up to a cap; the wait is a random part of it, at least half, so that boxes which
    lost the same broker come back one by one. Only what proved useful resets it: a connection that is accepted and
    kicked at once is a failure like any other.
    """

    def __init__(self, *, first_s: float = 1.0, cap_s: float = 60.0, random: Random = random) -> None:
        """Set the bounds.

        Args:
            first_s: Longest wait after the first failure.
            cap_s: Longest wait ever.
            random: Where the jitter comes from.
        """
        self._first_s = first_s
        self._cap_s = cap_s
        self._random = random
        self._failures = 0

    def proved(self) -> None:
        """It works: the next failure is the first one."""
        self._failures = 0

    def next_s(self) -> float:
        """Count a failure, and say how long to wait."""
        # 2**62 is beyond any cap.
        bound_s = min(self._cap_s, self._first_s * float(2 ** min(self._failures, 62)))
        self._failures += 1
        return bound_s * (1 + self._random()) / 2
