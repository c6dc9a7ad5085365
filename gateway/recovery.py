"""Opening the journal; after damage the box goes on with what is sound."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

import structlog

from gateway.identity import Identity
from sync.clock import BootClock
from sync.errors import JournalBroken
from sync.journal import Journal
from sync.journal.database import damage_note

_LOOK_EVERY_S = 1.0
_log = structlog.get_logger("comptoir.journal")


def open_journal(path: Path, identity: Identity, clock: BootClock) -> Journal:
    """Open the journal; a damaged one is kept aside, and goes on in a new epoch with the rows that are sound.

    Raises:
        JournalError: There is none, it can't be used, or nothing is left to go on from.
    """
    try:
        return Journal.open(path, device=identity.device, key=identity.journal_key, clock=clock)
    except JournalBroken as error:
        broken = error
    aside = _keep_aside(path, broken)
    journal = Journal.recover(path, device=identity.device, key=identity.journal_key, clock=clock)
    _log.error(
        "journal damaged: going on in a new epoch without the damaged rows; call the centre, keep the file",
        reason=str(broken),
        kept=str(aside),
    )
    for link in journal.left_out:
        _log.error("damaged row left out: look it up in the till's own records", epoch=link.epoch, seq=link.seq)
    return journal


async def until_damaged(path: Path) -> None:
    """Wait for a page that can't be read: the rest of the file is safe only once the journal is opened anew."""
    while not damage_note(path).exists():
        await asyncio.sleep(_LOOK_EVERY_S)


def _keep_aside(path: Path, broken: JournalBroken) -> Path:
    """Copy the file and its log, once for each damage: a box that is started again and again fills no disk.

    Raises:
        JournalBroken: There is no room for the copy, so that nothing was touched.
    """
    aside = path.with_name(f"{path.stem}-damaged-{broken.epoch or 'file'}-{broken.seq}{path.suffix}")
    try:
        for end in ("", "-wal"):
            source, copy = Path(f"{path}{end}"), Path(f"{aside}{end}")
            if source.exists() and not copy.exists():
                shutil.copyfile(source, copy)
                copy.chmod(0o600)
    except OSError as error:
        raise JournalBroken(
            f"{broken}; it couldn't be kept aside ({error.strerror}): free disk space, then start the agent again",
            epoch=broken.epoch,
            seq=broken.seq,
        ) from error
    return aside
