"""A private PostgreSQL, from Debian's binaries, for one run: on a Unix socket in a folder of its own."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

import psycopg
from psycopg import sql
from sqlalchemy import make_url

from hardware_sim.child import Child
from hardware_sim.programs import until

_INSTALLED = Path("/usr/lib/postgresql")
_ROLE = "comptoir"
_KNOWS_STRATEGIES = 15
"""From this version on, databases are copied through the log unless told otherwise, which takes four times as long."""
_SETTINGS = {"listen_addresses": "", "unix_socket_permissions": "0777", "max_connections": "50"}
_UNSAFE_SETTINGS = {"fsync": "off", "full_page_writes": "off", "autovacuum": "off", "shared_buffers": "32MB"}
"""Where nobody cuts the power, the kernel keeps what was written whoever is killed."""


def binaries() -> Path | None:
    """The newest PostgreSQL that is installed; None where there is none."""
    return max((path.parent for path in _INSTALLED.glob("*/bin/postgres")), key=_version, default=None)


class Postgres(Child):
    """A cluster with as many databases as wanted; everything is gone at the end of the `with`."""

    def __init__(self, programs: Path, *, durable: bool = False) -> None:
        """Set up, without starting.

        Args:
            programs: Folder of its binaries.
            durable: As in production, where the power may be cut; slower.
        """
        self._programs = programs
        self._settings = _SETTINGS if durable else _SETTINGS | _UNSAFE_SETTINGS
        # Below /tmp, for a socket's path must be short.
        self._folder = Path(tempfile.mkdtemp(prefix="comptoir-pg-", dir="/tmp"))
        self._data = self._folder / "data"
        self._user = _unprivileged()
        self._databases = 0

    def __enter__(self) -> Postgres:
        try:
            self._found()
            self.start()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        # SIGINT would be polite to clients, too; but nothing in here is worth a minute's wait.
        self.stop()
        shutil.rmtree(self._folder, ignore_errors=True)

    def new(self) -> str:
        """The URL of an empty database."""
        return self._create("template0")

    def copy(self, url: str) -> str:
        """The URL of a database with the same content; nobody is connected to the first."""
        return self._create(_name(url))

    def drop(self, url: str) -> None:
        """Remove a database, whoever is connected to it."""
        self._execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(_name(url))))

    def by_hand(self, url: str, statements: Sequence[str]) -> None:
        """Write past triggers and foreign keys, as a superuser can."""
        with self._connect(_name(url)) as connection:
            connection.execute("SET session_replication_role = replica")
            for statement in statements:
                connection.execute(statement.encode())

    def _create(self, template: str) -> str:
        self._databases += 1
        name = f"test_{self._databases}"
        statement = sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(template))
        if _version(self._programs) >= _KNOWS_STRATEGIES:
            statement += sql.SQL(" STRATEGY FILE_COPY")
        self._execute(statement)
        return f"postgresql://{_ROLE}@/{name}?host={self._folder}"

    def _execute(self, statement: sql.Composed) -> None:
        with self._connect() as connection:
            connection.execute(statement)

    def _connect(self, database: str = "postgres") -> psycopg.Connection:
        return psycopg.connect(host=str(self._folder), user=_ROLE, dbname=database, autocommit=True)

    def start(self) -> None:
        """Start it, after a `kill` with all that it had."""
        # A process of the one that was killed may hold its memory for a moment yet: then the new one ends at once.
        until(self._starts, what="PostgreSQL to start")

    def _found(self) -> None:
        if self._user is not None:
            shutil.chown(self._folder, self._user)
        self._folder.chmod(0o755)
        initdb = [
            str(self._programs / "initdb"),
            "-D",
            str(self._data),
            "-U",
            _ROLE,
            "-A",
            "trust",
            "-E",
            "UTF8",
            "--no-sync",
        ]
        subprocess.run(initdb, check=True, capture_output=True, user=self._user, cwd=self._folder)

    def _starts(self) -> bool:
        options = [f"-c{name}={value}" for name, value in self._settings.items()]
        command = [str(self._programs / "postgres"), "-D", str(self._data), "-k", str(self._folder), *options]
        with (self._folder / "log").open("ab") as output:
            self._process = subprocess.Popen(
                command, stdout=output, stderr=output, stdin=subprocess.DEVNULL, user=self._user, cwd=self._folder
            )
        until(lambda: self._answers() or not self.running, what="PostgreSQL to answer")
        return self.running

    def _answers(self) -> bool:
        try:
            self._connect().close()
        except psycopg.OperationalError:
            return False
        return True


def _version(programs: Path) -> int:
    return int(programs.parent.name)


def _name(url: str) -> str:
    database = make_url(url).database
    assert database is not None
    return database


def _unprivileged() -> str | None:
    """Who runs the server: PostgreSQL refuses root."""
    if os.geteuid() != 0:
        return None
    names = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in names else "nobody"
