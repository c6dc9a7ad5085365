"""A journal that began anew says why."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gateway.commands.epochs import tell_epoch
from programme.events import EpochReason
from sync.clock import LinuxClock
from sync.journal import Journal
from tests.gateway.world import NOON


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.sqlite"


def began(path: Path, reason: EpochReason | None) -> str:
    """Make a journal that began anew, and return its epoch."""
    key = Ed25519PrivateKey.generate()
    with closing(Journal.create(path, device="box-a", key=key, clock=LinuxClock(), signed_time=NOON)) as journal:
        if reason is not None:
            journal.open_epoch(reason)
        return journal.epoch


@pytest.mark.parametrize(
    ("reason", "french", "english"),
    [
        (EpochReason.FORK, "restauré ou copié", "put back or copied"),
        (EpochReason.CORRUPTION, "abîmé", "damaged"),
    ],
)
def test_a_journal_that_began_anew(path: Path, reason: EpochReason, french: str, english: str) -> None:
    epoch = began(path, reason)

    assert french in (tell_epoch(path, epoch, "fr") or "")
    assert english in (tell_epoch(path, epoch, "en") or "")


def test_there_is_nothing_to_say_of_the_first_epoch(path: Path) -> None:
    assert tell_epoch(path, began(path, None), "fr") is None


def test_a_journal_that_cannot_be_read_is_no_error_here(path: Path) -> None:
    assert tell_epoch(path, "1-a", "fr") is None
