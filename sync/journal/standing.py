"""Where the journal, its outbox and its clock stand: one small row, written once per commit."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from programme.events import ClockState, RowLink
from sync.chain import GENESIS
from sync.clock import ClockBase
from sync.errors import JournalBroken
from sync.journal.records import StoredRecords
from sync.journal.rows import Place, first_position_of, row_at_hand
from sync.journal.tail import differing, vouched_records

_SAVE = """
INSERT OR REPLACE INTO standing (id, epoch, seq, hash, sent_position, watermark_seq, watermark_hash, generation,
                                 clock_at_us, clock_elapsed_us, clock_boot_id, clock_state)
VALUES (1, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
_LAST_LEFT = """
SELECT epoch, seq, hash FROM rows WHERE position > (SELECT coalesce(max(moved_to), 0) FROM archives)
ORDER BY position DESC LIMIT 1
"""
"""Older rows are in archives, and the journal never ends there: its last row stays at hand."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """The journal's place, and what central knows of it.

    Attributes:
        sent_position: Rows up to this position were handed to the link at least once.
        watermark_seq: Acknowledged by central in this epoch; 0 for none.
        watermark_hash: That row's hash; zeros for none.
        generation: Central's, in the last ack taken; 0 before the first.
    """

    place: Place
    sent_position: int = 0
    watermark_seq: int = 0
    watermark_hash: bytes = GENESIS
    generation: int = 0

    @property
    def head(self) -> RowLink | None:
        """The journal's last row."""
        if self.place.seq == 0:
            return None
        return RowLink(epoch=self.place.epoch, seq=self.place.seq, hash=self.place.hash.hex())

    @property
    def watermark(self) -> RowLink:
        """The last row that central acknowledged; seq 0 for none."""
        return RowLink(epoch=self.place.epoch, seq=self.watermark_seq, hash=self.watermark_hash.hex())


def save_standing(connection: sqlite3.Connection, standing: Standing, clock: ClockBase) -> None:
    """Write it down, within the caller's transaction."""
    place = standing.place
    parameters = (
        place.epoch,
        place.seq,
        place.hash,
        standing.sent_position,
        standing.watermark_seq,
        standing.watermark_hash,
        standing.generation,
        clock.at_us,
        clock.elapsed_us,
        clock.boot_id,
        clock.state.value,
    )
    connection.execute(_SAVE, parameters)


def load_standing(connection: sqlite3.Connection, key: Ed25519PublicKey) -> tuple[Standing, ClockBase]:
    """Read it, and check that the rows end where it says, and the last ones and the state against each other.

    Raises:
        JournalBroken: They don't hold.
    """
    standing, clock = stored_standing(connection)
    place = standing.place
    last = row_at_hand(connection, place.last_position)
    if last is None or (last.epoch, last.seq, last.hash) != (place.epoch, place.seq, place.hash):
        raise JournalBroken(
            f"the journal doesn't end at {place.epoch}/{place.seq} as it should", epoch=place.epoch, seq=place.seq
        )
    wrong = differing(connection, vouched_records(connection, place, key))
    if wrong:
        raise JournalBroken(
            f"the state's record {min(wrong)!r} isn't what the rows add up to: keep the file, a new epoch is needed",
            epoch=place.epoch,
            seq=place.seq,
        )
    return standing, clock


def salvage_standing(connection: sqlite3.Connection, key: Ed25519PublicKey) -> tuple[Standing, ClockBase]:
    """Take the rows as they are after damage: the journal ends with the last one that is left.

    Where they hold and the state doesn't, the state is set right.

    Raises:
        JournalBroken: Nothing is left to go on from.
    """
    stored, clock = stored_standing(connection)
    found = connection.execute(_LAST_LEFT).fetchone()
    if found is None:
        raise JournalBroken("no row is left: enrol this box anew", epoch=stored.place.epoch, seq=1)
    epoch, seq, digest = found
    place = Place(epoch=epoch, first_position=_first_position(connection, epoch), seq=seq, hash=digest)
    if place == stored.place:
        _set_right(connection, place, key)
    return Standing(place=place, sent_position=place.last_position, generation=stored.generation), clock


def _set_right(connection: sqlite3.Connection, place: Place, key: Ed25519PublicKey) -> None:
    try:
        vouched = vouched_records(connection, place, key)
    except JournalBroken:  # then the state may know more than the rows that are left
        return
    StoredRecords(connection).change({**differing(connection, vouched)})


def stored_standing(connection: sqlite3.Connection) -> tuple[Standing, ClockBase]:
    """What the file says of it, unchecked.

    Raises:
        JournalBroken: It says nothing.
    """
    found = connection.execute(
        "SELECT epoch, seq, hash, sent_position, watermark_seq, watermark_hash, generation,"
        " clock_at_us, clock_elapsed_us, clock_boot_id, clock_state FROM standing"
    ).fetchone()
    if found is None:
        raise JournalBroken("the journal doesn't say where it ends: enrol this box anew", epoch="", seq=0)
    epoch, seq, digest, sent_position, watermark_seq, watermark_hash, generation, *clock = found
    standing = Standing(
        place=Place(epoch=epoch, first_position=_first_position(connection, epoch), seq=seq, hash=digest),
        sent_position=sent_position,
        watermark_seq=watermark_seq,
        watermark_hash=watermark_hash,
        generation=generation,
    )
    at_us, elapsed_us, boot_id, state = clock
    return standing, ClockBase(at_us=at_us, elapsed_us=elapsed_us, boot_id=boot_id, state=ClockState(state))


def _first_position(connection: sqlite3.Connection, epoch: str) -> int:
    first_position = first_position_of(connection, epoch)
    if first_position is None:
        raise JournalBroken(f"epoch {epoch} is missing: enrol this box anew", epoch=epoch, seq=0)
    return first_position
