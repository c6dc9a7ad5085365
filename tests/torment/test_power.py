"""The short form of `make power-test`: what was acknowledged survives ten power cuts, and the witness would notice."""

from __future__ import annotations

import random
import subprocess
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from sync.clock import LinuxClock
from sync.journal import Journal
from tests.sync.boxes import BOX, NOON
from tests.torment.disks import DiskUnavailable, LoopDisk
from tests.torment.power import power_cuts
from tests.torment.witness import Tally, Witness


@pytest.fixture
def witness(tmp_path: Path) -> Witness:
    witness = Witness(path=tmp_path / "journal.sqlite")
    witness.create()
    return witness


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[LoopDisk]:
    try:
        with LoopDisk(tmp_path / "image", tmp_path / "disk") as disk:
            yield disk
    except DiskUnavailable as error:
        pytest.skip(str(error))


def test_what_was_acknowledged_survives_power_cuts() -> None:
    try:
        tally = power_cuts(10, random.Random(4))
    except DiskUnavailable as error:
        pytest.skip(str(error))

    assert tally.holds, str(tally)
    assert (tally.rounds, tally.acknowledged > 100, tally.archives > 5) == (10, True, True)


def test_a_cut_loses_what_was_not_synced(disk: LoopDisk) -> None:
    for name in ("synced", "left"):
        (disk.root / name).write_text(name)
        if name == "synced":
            disk.unmount()
            disk.mount()

    with subprocess.Popen(["sleep", "60"]) as bystander:
        disk.cut_power_under(bystander.pid)
        bystander.kill()
    disk.unmount()
    disk.mount()

    assert (disk.root / "synced").read_text() == "synced"
    assert not (disk.root / "left").exists()


def test_the_witness_misses_an_event(witness: Witness) -> None:
    assert witness.judge([f"{uuid4()}\n"]) == Tally(rounds=1, acknowledged=1, missing=1)


def test_the_witness_misses_an_event_once(witness: Witness) -> None:
    tally = witness.judge([f"{uuid4()}\n"]) + witness.judge([])

    assert tally == Tally(rounds=2, acknowledged=1, missing=1)


def test_the_witness_leaves_out_a_line_that_was_cut(witness: Witness) -> None:
    assert witness.judge([f"{uuid4()}"]) == Tally(rounds=1)


def test_the_witness_sees_a_torn_chain(witness: Witness) -> None:
    witness.path.write_bytes(witness.path.read_bytes()[:4096])

    assert witness.judge([]) == Tally(rounds=1, torn=1)


def test_the_witness_sees_a_sequence_number_used_again(witness: Witness) -> None:
    witness.judge([])
    witness.path.unlink()
    Journal.create(witness.path, device=BOX, key=witness.key, clock=LinuxClock(), signed_time=NOON).close()

    assert witness.judge([]) == Tally(rounds=1, missing=1, reused=1)
