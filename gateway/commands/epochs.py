"""Why the box's journal began anew, as a sentence: its disk was put back, copied or damaged."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

from gateway.words import choose
from programme.events import EpochReason
from sync.journal.database import connect_read_only

_FIRST_ROW = "SELECT event FROM rows WHERE epoch = ? ORDER BY position LIMIT 1"


def tell_epoch(path: Path, epoch: str, language: str) -> str | None:
    """What a person should know of the epoch's beginning; None where it began as it should, or can't be read."""
    match _reason(path, epoch):
        case EpochReason.FORK:
            return choose(
                language,
                "Le disque de cette caisse a été restauré ou copié : son journal a recommencé, tout a été renvoyé.",
                "This box's disk was put back or copied: its journal began anew, and everything was sent again.",
            )
        case EpochReason.CORRUPTION:
            return choose(
                language,
                "Le journal de cette caisse était abîmé : il a recommencé, tout ce qui restait a été renvoyé.",
                "This box's journal was damaged: it began anew, and everything that was left was sent again.",
            )
    return None


def _reason(path: Path, epoch: str) -> EpochReason | None:
    try:
        with closing(connect_read_only(path)) as connection:
            found = connection.execute(_FIRST_ROW, (epoch,)).fetchone()
        return EpochReason(json.loads(found[0])["data"]["reason"]) if found is not None else None
    except (sqlite3.Error, ValueError, KeyError, TypeError):
        return None  # the status says what it knows; `journal verify` is for the rest
