"""What can go wrong between a box and central.

SyncError
├── LinkError            reconnect: the broker or the network failed
├── WireError            resynchronise: a message is unreadable, too large or wrongly signed; it is dropped
│   ├── Unreadable
│   └── BadSignature
└── JournalError
    ├── JournalMissing   a person enrols the box, or gives it its disk back
    ├── JournalForeign   a person gives the box its own disk or key back
    ├── JournalInUse     a person stops the other program
    ├── JournalFull      a person frees disk space: no new operations until then
    ├── JournalBroken    the journal no longer verifies: a new epoch is needed
    ├── ArchiveDamaged   a person puts a file back: its rows are booked, the box goes on without them
    └── AlreadyClosed    the writer ended this authorisation before; nothing was written
"""

from __future__ import annotations


class SyncError(Exception):
    """Base of this package's errors."""


class LinkError(SyncError):
    """The broker can't be reached or the connection broke; reconnect with back-off."""


class WireError(SyncError):
    """A message that can't be used; it is dropped, and asked for again where that makes sense."""


class Unreadable(WireError):
    """Not of the wire's form, or larger than it may be."""


class BadSignature(WireError):
    """Not signed by whom it says."""


class JournalError(SyncError):
    """Base of the journal's errors."""


class JournalMissing(JournalError):
    """There is no journal where the box's should be."""


class JournalForeign(JournalError):
    """Another box's journal, or written under another key."""


class JournalInUse(JournalError):
    """Another program has it open."""


class JournalFull(JournalError):
    """No room for another row; operations are refused until a person frees space."""


class JournalBroken(JournalError):
    """Rows were changed, or the tail was cut.

    Attributes:
        epoch: Where.
        seq: The first row that doesn't hold; the one after the last, for a cut tail.
    """

    def __init__(self, message: str, *, epoch: str, seq: int) -> None:
        super().__init__(message)
        self.epoch = epoch
        self.seq = seq


class ArchiveDamaged(JournalError):
    """An archive is missing or was changed.

    Attributes:
        last_seq: Of its rows; 0 where it isn't known which these are.
    """

    def __init__(self, message: str, *, last_seq: int = 0) -> None:
        super().__init__(message)
        self.last_seq = last_seq


class AlreadyClosed(JournalError):
    """This authorisation has its one row already."""
