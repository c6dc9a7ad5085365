"""Run every benchmark and print each goal with what was measured."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from benchmarks.agent import memory_goals, startup_goal
from benchmarks.record import record_goal


def main() -> int:
    """Print the goals; the exit code tells whether all were met."""
    with tempfile.TemporaryDirectory(prefix="cb-", dir="/var/tmp") as folder:
        work = Path(folder)
        goals = [record_goal(work / "record"), startup_goal(work / "start"), *memory_goals(work / "memory")]
    for goal in goals:
        print(goal.line())
    return 0 if all(goal.met for goal in goals) else 1


if __name__ == "__main__":
    sys.exit(main())
