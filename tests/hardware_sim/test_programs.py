"""A program of the town is one process at a time."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from hardware_sim.errors import ProgramError
from hardware_sim.programs import Program


@pytest.fixture
def program(tmp_path: Path) -> Iterator[Program]:
    (tmp_path / "sleeper.py").write_text("import time\ntime.sleep(60)\n")
    program = Program("sleeper", "sleeper", [], log=tmp_path / "log", environ={"PYTHONPATH": str(tmp_path)})
    program.start()
    yield program
    program.kill()


def test_a_program_that_runs_is_not_started_again(program: Program) -> None:
    pid = program.pid

    with pytest.raises(ProgramError, match="sleeper runs already: stop it first"):
        program.start()

    assert program.pid == pid


def test_a_program_that_was_killed_starts_again(program: Program) -> None:
    before = program.pid

    program.kill()
    program.start()

    assert program.running
    assert program.pid != before
