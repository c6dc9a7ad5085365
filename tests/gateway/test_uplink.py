"""The way to central outlives faults of the journal."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest

from gateway.identity import identify
from gateway.uplink import Line, Uplink
from sync.errors import JournalError
from tests.gateway.world import Box, FakeCentral, enrolment

pytestmark = pytest.mark.anyio


class Unreadable:
    """A box whose health can't be read from its journal."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()

    def health(self) -> bytes:
        self.asked.set()
        raise JournalError("the journal can't be read: check the disk")


async def test_health_is_told_again_after_the_journal_could_not_be_read(box: Box) -> None:
    uplink = Uplink(
        identity=identify(enrolment(FakeCentral()), box.key),
        broker="mqtt://127.0.0.1:1",
        line=Line(),
        now=lambda: datetime.now(UTC),
        changed=lambda: None,
    )
    unreadable = Unreadable()

    telling = asyncio.create_task(uplink.tell_health(unreadable))
    await unreadable.asked.wait()
    await asyncio.sleep(0)

    assert not telling.done()
    telling.cancel()
