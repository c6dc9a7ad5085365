"""What can go wrong at the centre, and who must act.

CentralError
├── CommandError     the person at the terminal: what was asked for can't be done; the message says what can
├── StoreError       a person: the database is missing, of another version, or can't be opened
├── KeysError        a person restores the key files
├── LedgerError      a defect: postings that don't sum to zero are never written
└── MessageRefused   nobody: a message contradicts the device record; it is dropped and logged
"""

from __future__ import annotations


class CentralError(Exception):
    """Base of this package's errors; each message says what to do."""


class CommandError(CentralError):
    """The command can't be carried out as given."""


class StoreError(CentralError):
    """The database can't be used."""


class KeysError(CentralError):
    """Key files are missing or damaged; restore them from the backup."""


class LedgerError(CentralError):
    """An entry that doesn't sum to zero; nothing of its transaction is kept."""


class MessageRefused(CentralError):
    """A message from a box that isn't enrolled, or about another box, shop or tenant."""
