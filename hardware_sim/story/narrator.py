"""Tells the story on the terminal and stops it where something doesn't hold."""

from __future__ import annotations

from dataclasses import dataclass

from hardware_sim.errors import StoryError


@dataclass(slots=True, kw_only=True)
class Step:
    """One step of the story."""

    number: int
    title: str


class Narrator:
    """Keeps what was told."""

    def __init__(self) -> None:
        self.steps: list[Step] = []

    def step(self, title: str) -> None:
        """Begin a step."""
        self.steps.append(Step(number=len(self.steps) + 1, title=title))
        print(f"\n{self.steps[-1].number}. {title}", flush=True)

    def say(self, what: str) -> None:
        """Tell what was waited for, and came."""
        print(f"   ✓ {what}", flush=True)

    def check(self, holds: object, what: str) -> None:
        """Tell what holds.

        Raises:
            StoryError: It doesn't.
        """
        if not holds:
            raise StoryError(f"step {self.steps[-1].number}: it does not hold that {what}")
        self.say(what)
