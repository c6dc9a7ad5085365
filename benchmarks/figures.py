"""Figures: medians of interleaved runs, and whether a goal was met."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal:
    """One goal and what was measured.

    Attributes:
        measured: In the goal's unit.
        at_most: The goal.
        detail: The absolute figures behind it, for the reader.
    """

    name: str
    measured: float
    at_most: float
    unit: str
    detail: str

    @property
    def met(self) -> bool:
        """Whether the goal was reached."""
        return self.measured <= self.at_most

    def line(self) -> str:
        """One line for people."""
        verdict = "pass" if self.met else "FALLS SHORT"
        return (
            f"{self.name:<58} {self.measured:6.2f} {self.unit:<4} goal ≤ {self.at_most:g} {self.unit:<4} {verdict}"
            f"\n    {self.detail}"
        )


def spread(values: Sequence[float], *, unit: str = "ms", scale: float = 1_000) -> str:
    """Minimum, median and maximum."""
    low, middle, high = min(values), statistics.median(values), max(values)
    return f"{low * scale:.2f} / {middle * scale:.2f} / {high * scale:.2f} {unit} (min/median/max of {len(values)})"


def ratio_of_medians(measured: Sequence[float], floor: Sequence[float]) -> float:
    """How many times the floor's median."""
    return statistics.median(measured) / statistics.median(floor)
