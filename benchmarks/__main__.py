"""Run the benchmarks, print each goal with what was measured, and write them down where asked to."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from benchmarks.agent import memory_goals, startup_goal
from benchmarks.asking import asking_figures
from benchmarks.drain import drain_figures
from benchmarks.enqueue import enqueue_figures
from benchmarks.figures import Figure
from benchmarks.fleet import fleet_figures
from benchmarks.ingest import ingest_figures
from benchmarks.opening import opening_goal
from benchmarks.page import page_figures
from benchmarks.record import record_goal

PERFORMANCE = Path(__file__).parents[1] / "docs" / "performance.md"
_BEGIN, _END = "<!-- figures -->\n", "<!-- /figures -->"

_SUBJECTS: dict[str, Callable[[Path], list[Figure]]] = {
    "record": lambda folder: [record_goal(folder)],
    "enqueue": enqueue_figures,
    "opening": lambda folder: [opening_goal(folder)],
    "ingest": ingest_figures,
    "drain": drain_figures,
    "asking": asking_figures,
    "fleet": fleet_figures,
    "page": page_figures,
    "start": lambda folder: [startup_goal(folder)],
    "memory": lambda folder: [*memory_goals(folder)],
}


def main() -> int:
    """Print the figures; a goal that falls short is said so and is no failure of the run."""
    parser = argparse.ArgumentParser(prog="benchmarks", description=__doc__)
    parser.add_argument("subjects", nargs="*", metavar="SUBJECT", help=f"{', '.join(_SUBJECTS)}; all by default")
    parser.add_argument("--write", action="store_true", help="write all figures into docs/performance.md")
    chosen = parser.parse_args()
    if unknown := set(chosen.subjects) - _SUBJECTS.keys():
        parser.error(f"no such subject: {', '.join(sorted(unknown))}")
    if chosen.write and chosen.subjects:
        parser.error("--write goes with all subjects")
    figures = []
    with tempfile.TemporaryDirectory(prefix="cb-", dir="/var/tmp") as folder:
        for subject in chosen.subjects or _SUBJECTS:
            for figure in _SUBJECTS[subject](Path(folder) / subject):
                print(figure.line(), flush=True)
                figures.append(figure)
    if chosen.write:
        PERFORMANCE.write_text(_written(PERFORMANCE.read_text(encoding="utf-8"), figures), encoding="utf-8")
    return 0


def _written(text: str, figures: list[Figure]) -> str:
    """The document with these figures in the place of those before."""
    before, _, rest = text.partition(_BEGIN)
    _, end, after = rest.partition(_END)
    rows = ["| | measured | goal | |", "|---|---|---|---|", *(figure.row() for figure in figures)]
    return before + _BEGIN + "\n".join(rows) + "\n" + end + after


if __name__ == "__main__":
    sys.exit(main())
