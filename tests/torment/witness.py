"""Remembers what a journal's writer was told is on disk, and judges the file after each blow."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from uuid_utils.compat import uuid7

from programme.cloudevents import decode_event
from programme.events import RowLink
from sync.clock import LinuxClock
from sync.errors import JournalError
from sync.journal import Journal
from sync.journal.verify import verify
from sync.wire import RegistrySnapshot
from tests.sync.boxes import BOX, CENTRAL_KEY_ID, NOON, earned
from tests.torment.writer import HEADS

_ALL = 10**9


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """What rounds came to.

    Attributes:
        missing: Acknowledged events that are gone.
        torn: Journals that didn't verify, or couldn't be opened.
        reused: Journals in which a row took the place of an earlier one.
        archives: Files that were written.
    """

    rounds: int = 0
    acknowledged: int = 0
    missing: int = 0
    torn: int = 0
    reused: int = 0
    archives: int = 0

    def __add__(self, other: Tally) -> Tally:
        return Tally(
            rounds=self.rounds + other.rounds,
            acknowledged=self.acknowledged + other.acknowledged,
            missing=self.missing + other.missing,
            torn=self.torn + other.torn,
            reused=self.reused + other.reused,
            archives=self.archives + other.archives,
        )

    @property
    def holds(self) -> bool:
        """Whether nothing was lost."""
        return not (self.missing or self.torn or self.reused)

    def __str__(self) -> str:
        return (
            f"{self.rounds} rounds, {self.acknowledged} events acknowledged, {self.archives} archives, "
            f"{self.missing} missing, {self.torn} torn chains, {self.reused} sequence numbers reused"
        )


@dataclass(slots=True, kw_only=True)
class Witness:
    """One journal over several blows.

    Attributes:
        path: The journal, wherever it is mounted.
        told: Ids of the events that its writers said are on disk; those found missing apart.
        head: Where it ended after the last blow.
        archives: How many there were then.
    """

    path: Path
    key: Ed25519PrivateKey = field(default_factory=Ed25519PrivateKey.generate)
    central_key: Ed25519PrivateKey = field(default_factory=Ed25519PrivateKey.generate)
    told: set[UUID] = field(default_factory=set)
    head: RowLink | None = None
    archives: int = 0

    def create(self) -> None:
        """Begin the journal."""
        journal = Journal.create(self.path, device=BOX, key=self.key, clock=LinuxClock(), signed_time=NOON)
        for programme, head in HEADS.items():
            journal.replace_replica(
                RegistrySnapshot(programme=programme, generation=head.generation, version=head.version, entries=())
            )
        journal.close()

    @property
    def keys(self) -> tuple[str, str]:
        """The box's and central's, for the writer's command line."""
        return self.key.private_bytes_raw().hex(), self.central_key.private_bytes_raw().hex()

    def judge(self, said: Iterable[str]) -> Tally:
        """Look at the journal after a blow, and go on with it by one event.

        Args:
            said: The lines that the writer said before it; the last one may be cut.
        """
        heard = {UUID(line.strip()) for line in said if line.endswith("\n")}
        self.told |= heard
        public = {BOX: self.key.public_key(), CENTRAL_KEY_ID: self.central_key.public_key()}
        try:
            report = verify(self.path, keys=public, device=BOX)
            journal = Journal.open(self.path, device=BOX, key=self.key, clock=LinuxClock())
        except JournalError:
            return Tally(rounds=1, acknowledged=len(heard), torn=1)
        written, self.archives = report.archives - self.archives, report.archives
        try:
            return Tally(rounds=1, acknowledged=len(heard), archives=written) + self._compare(journal)
        finally:
            journal.close()

    def _compare(self, journal: Journal) -> Tally:
        rows = journal.rows(1, _ALL, _ALL)
        kept = {decode_event(row.event).event_id for row in rows}
        before = self.head
        is_reused = before is not None and (
            len(rows) < before.seq or rows[before.seq - 1].hash.hex() != before.hash or rows[0].epoch != before.epoch
        )
        event_id = uuid7()
        journal.submit(lambda tx: tx.append(event_id, earned())).result()
        missing = self.told - kept
        self.told = self.told - missing | {event_id}
        self.head = journal.head
        goes_on = self.head is not None and self.head.seq == len(rows) + 1
        return Tally(missing=len(missing), reused=int(is_reused or not goes_on))
