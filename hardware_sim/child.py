"""A child process that ends when it is told to, politely or not."""

from __future__ import annotations

import subprocess

_STOP_WITHIN_S = 15.0


class Child:
    """At most one process at a time; `_process` is set by who starts it."""

    _process: subprocess.Popen[bytes] | None = None

    @property
    def running(self) -> bool:
        """Whether the process lives."""
        return self._process is not None and self._process.poll() is None

    def kill(self) -> None:
        """SIGKILL, as a power cut would, and wait until it is gone: what is not on disk is lost."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()

    def stop(self) -> None:
        """Ask it to end, so that it saves what it keeps; kill it when it doesn't."""
        process = self._process
        if process is None:
            return
        process.terminate()
        try:
            process.wait(_STOP_WITHIN_S)
        except subprocess.TimeoutExpired:
            self.kill()
        self._process = None
