"""Keeping the journal small: what is booked and old moves to archives, what the law no longer wants is deleted."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import structlog

from edge_config.settings import JournalSettings
from sync.errors import JournalError
from sync.journal import Journal
from sync.journal.moving import ROWS_IN_FILE

_log = structlog.get_logger("comptoir.archiving")

MIB = 1 << 20
_REST_S = 60.0
"""After each look, so that a busy counter has its disk to itself."""
_IDLE_S = 3_600.0
_AT_LEAST = timedelta(days=1)
"""What the counter shows and voids stays at hand, however short the disk is."""
_YEAR = timedelta(days=365.25)


class Archivist:
    """Looks after the journal whenever something was recorded, at most once a minute, and every hour."""

    def __init__(self, journal: Journal, settings: JournalSettings, *, rows_in_file: int = ROWS_IN_FILE) -> None:
        self._journal = journal
        self._settings = settings
        self._rows_in_file = rows_in_file
        self._recorded = asyncio.Event()

    def wake(self) -> None:
        """Rows were added, a closure perhaps."""
        self._recorded.set()

    async def run(self) -> None:
        """Work until cancelled."""
        while True:
            self._recorded.clear()
            is_short = False
            try:
                is_short = await asyncio.to_thread(self.tidy)
            except JournalError as error:
                _log.error("journal not archived", reason=str(error))
            await asyncio.sleep(_REST_S)
            if not is_short:
                await self._wait()

    def tidy(self) -> bool:
        """Archive and delete what is due; whether the disk is short of room: then all but a day is due.

        It is short at twice the reserve, so that there is room again before an operation is refused.
        """
        # The order clock's time: it follows what the centre signed, and no hand can set it to after the legal term.
        now = self._journal.submit(lambda tx: tx.now()).result()
        is_short = not self._journal.has_room(2 * self._settings.reserve_mib * MIB)
        at_hand = _AT_LEAST if is_short else timedelta(days=self._settings.days_at_hand)
        written = self._journal.archive(before=now - at_hand, rows_in_file=self._rows_in_file)
        if written:
            _log.info("rows archived", files=written, because="disk" if is_short else "age")
        for name in self._journal.delete_archives(before=now - self._settings.years_kept * _YEAR):
            _log.info("archive deleted after its term", file=name)
        return is_short

    async def _wait(self) -> None:
        try:
            async with asyncio.timeout(_IDLE_S):
                await self._recorded.wait()
        except TimeoutError:
            return
