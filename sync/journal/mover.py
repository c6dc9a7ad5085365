"""The one who moves rows to archives, beside the writer."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from functools import partial
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from sync.journal import moving
from sync.journal.archive import pack, section_bytes, sign_header
from sync.journal.database import connect_read_only, noticed
from sync.journal.shelf import Shelf, delete_archive, read_archive, write_archive
from sync.journal.transaction import Session
from sync.journal.writer import Writer


class Mover:
    """Archives and deletes, one at a time; its methods block, and may be called from any thread."""

    def __init__(self, session: Session, writer: Writer, path: Path, key: Ed25519PrivateKey) -> None:
        self._session = session
        self._writer = writer
        self._path = path
        self._key = key
        self._folder = Shelf(path).folder
        self._moving = threading.Lock()

    def archive(self, *, before: datetime, rows_in_file: int) -> int:
        """Move what may be moved; returns how many archives were written."""
        written = 0
        with self._moving:
            for unfinished in self._folder.glob("*.tmp"):  # what a power cut left
                delete_archive(unfinished)
            while True:
                while self._writer.call(lambda _: moving.move_some(self._session)):
                    pass
                if not self._archive_some(before, rows_in_file):
                    return written
                written += 1

    def delete(self, *, before: datetime) -> list[str]:
        """Delete archives; returns their files' names."""
        with self._moving:
            with self._read() as reader:
                old = moving.expired(reader, before)
            for first_position, name in old:
                delete_archive(self._folder / name)
                self._writer.call(partial(moving.forget, self._session, first_position))
        return [name for _, name in old]

    def _archive_some(self, before: datetime, rows_in_file: int) -> bool:
        standing = self._session.committed
        with self._read() as reader:
            rows = moving.choose(reader, standing, before=before, rows_in_file=rows_in_file)
            if not rows:
                return False
            header = moving.head_for(
                reader,
                rows,
                perpetual=moving.perpetual_before(reader),
                device=self._session.device,
                key=self._key,
                booked=standing.place.position(standing.watermark_seq),
            )
        name, signed = moving.file_name(header), sign_header(header, self._key)
        write_archive(self._folder / name, pack(section_bytes(signed, rows)))
        section = read_archive(self._folder / name)
        return self._writer.call(lambda _: moving.note(self._session, section, name))

    @contextmanager
    def _read(self) -> Iterator[sqlite3.Connection]:
        """Its own connection: what is asked meanwhile doesn't wait for so many rows to be read."""
        try:
            with closing(connect_read_only(self._path)) as reader:
                yield reader
        except sqlite3.Error as error:
            raise noticed(error, self._path) from error
