"""One process at a time."""

from __future__ import annotations

import fcntl
from pathlib import Path

from sync.errors import JournalError, JournalInUse


class FileLock:
    """Held from creation until `release`, or until the process ends, however it ends."""

    def __init__(self, path: Path) -> None:
        """Take the lock that goes with a file.

        Raises:
            JournalInUse: Another process holds it.
            JournalError: The folder can't be written.
        """
        try:
            self._file = path.with_name(f"{path.name}.lock").open("ab")
        except OSError as error:
            raise JournalError(f"{path} can't be used ({error.strerror}): check the folder and its rights") from error
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self._file.close()
            raise JournalInUse(f"another program has {path} open: stop it first") from None

    def release(self) -> None:
        """Let it go."""
        self._file.close()
