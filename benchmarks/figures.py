"""Figures: medians of interleaved runs, and whether a goal was met."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

_ENOUGH_FOR_99TH = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """What was measured.

    Attributes:
        detail: The absolute figures, for the reader.
    """

    name: str
    detail: str

    def line(self) -> str:
        """One line for people."""
        return f"{self.name}\n    {self.detail}"

    def row(self) -> str:
        """A row of a Markdown table: name, measured, goal, detail."""
        return f"| {self.name} | | | {self.detail} |"


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal(Figure):
    """One goal and what was measured.

    Attributes:
        measured: In the goal's unit.
        at_most: The goal, where less is better.
        at_least: The goal, where more is better.
    """

    measured: float
    unit: str
    at_most: float = math.inf
    at_least: float = 0

    @property
    def met(self) -> bool:
        """Whether the goal was reached."""
        return self.at_least <= self.measured <= self.at_most

    @property
    def goal(self) -> str:
        """What was to be reached."""
        return f"≥ {self.at_least:g}" if math.isinf(self.at_most) else f"≤ {self.at_most:g}"

    def line(self) -> str:
        """One line for people."""
        verdict = "pass" if self.met else "FALLS SHORT"
        return (
            f"{self.name:<58} {self.measured:6.2f} {self.unit:<4} goal {self.goal} {self.unit:<4} {verdict}"
            f"\n    {self.detail}"
        )

    def row(self) -> str:
        """A row of a Markdown table: name, measured, goal, detail."""
        verdict = "" if self.met else " (falls short)"
        return f"| {self.name} | {self.measured:.2f} {self.unit} | {self.goal} {self.unit}{verdict} | {self.detail} |"


def spread(values: Sequence[float], *, unit: str = "ms", scale: float = 1_000) -> str:
    """Minimum, median, maximum and, where there are enough values, the 99th percentile."""
    low, middle, high = min(values), statistics.median(values), max(values)
    figures = {"min": low, "median": middle, "max": high}
    if len(values) >= _ENOUGH_FOR_99TH:
        figures = {"min": low, "median": middle, "p99": percentile_99(values), "max": high}
    shown = " / ".join(f"{value * scale:.2f}" for value in figures.values())
    return f"{shown} {unit} ({'/'.join(figures)} of {len(values)})"


def ratio_of_medians(measured: Sequence[float], floor: Sequence[float]) -> float:
    """How many times the floor's median."""
    return statistics.median(measured) / statistics.median(floor)


def percentile_99(values: Sequence[float]) -> float:
    """What one in a hundred exceeds."""
    return statistics.quantiles(values, n=100)[98]


def ratio_of_99th(measured: Sequence[float], floor: Sequence[float]) -> float:
    """How many times the floor's 99th percentile."""
    return percentile_99(measured) / percentile_99(floor)
