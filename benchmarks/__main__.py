"""Run every benchmark and print each goal with what was measured."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from benchmarks.agent import memory_goals, startup_goal
from benchmarks.asking import asking_figures
from benchmarks.drain import drain_figures
from benchmarks.enqueue import enqueue_figures
from benchmarks.fleet import fleet_figures
from benchmarks.opening import opening_goal
from benchmarks.page import page_figures
from benchmarks.record import record_goal


def main() -> int:
    """Print the figures; a goal that falls short is said so and is no failure of the run."""
    with tempfile.TemporaryDirectory(prefix="cb-", dir="/var/tmp") as folder:
        work = Path(folder)
        figures = [
            record_goal(work / "record"),
            *enqueue_figures(work / "enqueue"),
            *drain_figures(work / "drain"),
            *asking_figures(work / "asking"),
            *fleet_figures(work / "fleet"),
            *page_figures(work / "page"),
            startup_goal(work / "start"),
            opening_goal(work / "opening"),
            *memory_goals(work / "memory"),
        ]
    for figure in figures:
        print(figure.line())
    return 0


if __name__ == "__main__":
    sys.exit(main())
