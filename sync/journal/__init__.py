"""The journal: the box's truth, in SQLite (write-ahead log, synced at each commit, one writer, group commit)."""

from sync.journal.journal import Journal
from sync.journal.transaction import Transaction
from sync.journal.values import AckOutcome, Job, JobState, Queue

__all__ = ["AckOutcome", "Job", "JobState", "Journal", "Queue", "Transaction"]
