"""What can go wrong between a box and central.

SyncError
├── LinkError            reconnect: the broker or the network failed
├── WireError            resynchronise: a message is unreadable, too large or wrongly signed; it is dropped
│   ├── Unreadable
│   └── BadSignature
└── JournalError
    ├── JournalFull      a person frees disk space: no new operations until then
    ├── JournalBroken    the journal no longer verifies: a new epoch is needed
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


class AlreadyClosed(JournalError):
    """This authorisation has its one row already."""
