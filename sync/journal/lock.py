"""One process at a time."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from sync.errors import JournalError


class FileLock:
    """Held from creation until `release`, or until the process ends, however it ends."""

    def __init__(self, path: Path) -> None:
        """Take the lock that goes with a file.

        Raises:
            JournalError: Another process holds it, or the folder can't be written.
        """
        try:
            self._descriptor = os.open(
                path.with_name(f"{path.name}.lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600
            )
        except OSError as error:
            raise JournalError(f"{path} can't be used ({error.strerror}): check the folder and its rights") from error
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(self._descriptor)
            raise JournalError(f"another program has {path} open: stop it first") from None

    def release(self) -> None:
        """Let it go."""
        os.close(self._descriptor)
