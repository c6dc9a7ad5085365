"""The one writer: a thread that takes what is waiting, does it in one transaction, and syncs once for all of it."""

from __future__ import annotations

import contextlib
import queue
import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

from sync.errors import JournalError
from sync.journal.database import connect, noticed
from sync.journal.standing import Standing
from sync.journal.transaction import Session, Transaction

T = TypeVar("T")
Work: TypeAlias = Callable[[Transaction], T]

_MAX_GROUP = 512
_CHECKPOINT_EVERY_CHANGES = 300


@dataclass(frozen=True, slots=True)
class _Task:
    work: Work[Any]
    future: Future[Any]


@dataclass(frozen=True, slots=True)
class _Outcome:
    value: Any = None
    error: BaseException | None = None


class Writer:
    """Runs works one after the other on its own thread, grouped into commits."""

    def __init__(self, session: Session, path: Path) -> None:
        self._session = session
        self._path = path
        self._waiting: queue.SimpleQueue[_Task | None] = queue.SimpleQueue()
        self._gate = threading.Lock()
        self._closed = False
        self._checkpointer = _Checkpointer(path)
        self._checkpointed_changes = 0
        self._thread = threading.Thread(target=self._run, name="journal-writer", daemon=True)
        self._thread.start()

    def submit(self, work: Work[T]) -> Future[T]:
        """Queue a work; its future is done once it is on disk.

        Raises:
            JournalError: The journal is closed.
        """
        future: Future[T] = Future()
        with self._gate:
            if self._closed:
                raise JournalError(f"{self._path} is closed: start the agent again")
            self._waiting.put(_Task(work, future))
        return future

    def call(self, work: Work[T]) -> T:
        """Do a work and wait until it is on disk; never from within a work."""
        if threading.current_thread() is self._thread:
            raise RuntimeError("a work can't wait for another one: use its own transaction")
        return self.submit(work).result()

    def close(self) -> None:
        """Finish what is queued, and stop."""
        with self._gate:
            already, self._closed = self._closed, True
        if not already:
            self._waiting.put(None)
        self._thread.join()
        self._checkpointer.close()
        self._session.connection.close()

    def _run(self) -> None:
        while True:
            task = self._waiting.get()
            if task is None:
                return
            group, last = self._gather(task)
            if self._commit(group):
                self._ask_for_checkpoint()
            if last:
                return

    def _gather(self, first: _Task) -> tuple[list[_Task], bool]:
        group = [first]
        while len(group) < _MAX_GROUP:
            try:
                task = self._waiting.get_nowait()
            except queue.Empty:
                break
            if task is None:
                return group, True
            group.append(task)
        return group, False

    def _commit(self, group: list[_Task]) -> bool:
        """Do the works; whether they are on disk."""
        running = [task for task in group if task.future.set_running_or_notify_cancel()]
        outcomes: list[_Outcome] = []
        try:
            self._session.begin()
            outcomes.extend(self._do(task.work) for task in running)
            self._session.commit()
            done = True
        except sqlite3.Error as error:
            self._undo()
            failure = _Outcome(error=noticed(error, self._path))
            outcomes = [failure] * len(running)
            done = False
        for task, outcome in zip(running, outcomes, strict=True):
            if outcome.error is not None:
                task.future.set_exception(outcome.error)
            else:
                task.future.set_result(outcome.value)
        return done

    def _do(self, work: Work[Any]) -> _Outcome:
        """Do one work under a savepoint, so that its failure takes nothing else with it."""
        session = self._session
        before = session.standing
        session.connection.execute("SAVEPOINT work")
        try:
            value = work(Transaction(session))
        except BaseException as error:  # noqa: BLE001 - whatever it is, it belongs to whoever submitted the work
            return self._fail(error, before)
        session.connection.execute("RELEASE work")
        return _Outcome(value=value)

    def _fail(self, error: BaseException, before: Standing) -> _Outcome:
        session = self._session
        if not session.connection.in_transaction:
            # SQLite gave up the whole transaction (disk full, I/O error): the works before this one are lost with it.
            if isinstance(error, sqlite3.Error):
                raise error
            raise sqlite3.OperationalError("the transaction was rolled back") from error
        session.connection.execute("ROLLBACK TO work")
        session.connection.execute("RELEASE work")
        session.restore(before)
        if isinstance(error, sqlite3.Error):
            return _Outcome(error=noticed(error, self._path))
        return _Outcome(error=error)

    def _undo(self) -> None:
        try:
            self._session.rollback()
        except sqlite3.Error:
            # The connection is beyond use: open the file again, now or with the next work.
            self._session.connection.close()
            with contextlib.suppress(sqlite3.Error):
                self._session.reconnect(connect(self._path))

    def _ask_for_checkpoint(self) -> None:
        changes = self._session.connection.total_changes
        if abs(changes - self._checkpointed_changes) >= _CHECKPOINT_EVERY_CHANGES:
            self._checkpointed_changes = changes
            self._checkpointer.ask()


class _Checkpointer:
    """Moves the log's pages into the file beside the writer, so that no scan waits for it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._asked: queue.SimpleQueue[bool] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="journal-checkpointer", daemon=True)
        self._thread.start()

    def ask(self) -> None:
        self._asked.put(True)

    def close(self) -> None:
        self._asked.put(False)
        self._thread.join()

    def _run(self) -> None:
        while self._asked.get():
            try:
                connection = connect(self._path)
                try:
                    connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
                finally:
                    connection.close()
            except sqlite3.Error:
                # A full disk, say: the log keeps everything, and the writer meets the same trouble and reports it.
                continue
