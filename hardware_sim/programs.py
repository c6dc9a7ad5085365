"""Programs of the virtual town, each a process of its own that can be stopped, killed and started again."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from hardware_sim.child import Child
from hardware_sim.errors import ProgramError

T = TypeVar("T")

_RETRY_S = 0.02


def until(condition: Callable[[], T | None], *, what: str, within_s: float = 30.0) -> T:
    """Wait for a condition that other processes bring about.

    Args:
        condition: Returns something true once it holds; an OSError means "not yet".
        what: Named when it doesn't.

    Raises:
        ProgramError: It didn't hold in time.
    """
    deadline = time.monotonic() + within_s
    while True:
        try:
            value = condition()
        except OSError:
            value = None
        if value:
            return value
        if time.monotonic() > deadline:
            raise ProgramError(f"waited {within_s:.0f} s in vain for {what}")
        time.sleep(_RETRY_S)


class Program(Child):
    """One program, over as many starts and kills as wanted; its output is appended to a log."""

    def __init__(
        self,
        name: str,
        module: str,
        arguments: Sequence[str],
        *,
        log: Path,
        environ: Mapping[str, str] | None = None,
        python: str = sys.executable,
    ) -> None:
        """Set up, without starting.

        Args:
            module: What `python -m` runs.
            python: The interpreter, and so the libraries.
        """
        self.name = name
        self.log = log
        self._command = [python, "-m", module, *arguments]
        self._environ = {**os.environ, **(environ or {})}

    @property
    def pid(self) -> int | None:
        """Of the running process."""
        return self._process.pid if self.running and self._process is not None else None

    def start(self) -> None:
        """Start it; what "ready" means is for the caller to wait for.

        Raises:
            ProgramError: It runs already: stop it first.
        """
        if self.running:
            raise ProgramError(f"{self.name} runs already: stop it first")
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, env=self._environ
            )

    def wait_end(self, *, within_s: float = 30.0) -> int:
        """Wait until it ends by itself and return its exit code, negative for a signal.

        Raises:
            ProgramError: It was never started, or goes on.
        """
        process, self._process = self._process, None
        if process is None:
            raise ProgramError(f"{self.name} isn't running")
        try:
            return process.wait(within_s)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise ProgramError(f"{self.name} didn't end within {within_s:.0f} s ({self._last_words()})") from None

    def wait_ready(self, ready: Callable[[], T | None], *, within_s: float = 30.0) -> T:
        """Wait until it says it is ready.

        Raises:
            ProgramError: It ended first, or wasn't ready in time; its last words are in the message.
        """

        def check() -> T | None:
            if not self.running:
                raise ProgramError(f"{self.name} ended: {self._last_words()}")
            return ready()

        try:
            return until(check, what=f"{self.name} to be ready", within_s=within_s)
        except ProgramError as error:
            raise ProgramError(f"{error} ({self._last_words()})") from None

    def _last_words(self) -> str:
        lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()
        return " | ".join(lines[-3:]) or f"see {self.log}"


def run_once(
    module: str,
    arguments: Sequence[str],
    *,
    environ: Mapping[str, str] | None = None,
    accept: Collection[int] = (0,),
) -> str:
    """Run a command to its end and return what it printed.

    Args:
        accept: Exit codes that are answers.

    Raises:
        ProgramError: It exited with another code; its error output is in the message.
    """
    done = subprocess.run(
        [sys.executable, "-m", module, *arguments],
        capture_output=True,
        text=True,
        env={**os.environ, **(environ or {})},
        stdin=subprocess.DEVNULL,
        check=False,
    )
    if done.returncode not in accept:
        raise ProgramError(f"{module} {' '.join(arguments)} exited with {done.returncode}: {done.stderr.strip()}")
    return done.stdout
