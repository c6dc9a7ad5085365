"""The revision that rises with each change, and who waits for it."""

from __future__ import annotations

import asyncio

from gateway.changes import Changes


def test_who_comes_first_is_answered_at_once() -> None:
    assert asyncio.run(Changes().after(0)) == 1


def test_a_burst_is_one_change_for_whoever_waits() -> None:
    async def burst() -> list[int]:
        changes = Changes()
        waiting = [asyncio.ensure_future(changes.after(1)) for _ in range(3)]
        await asyncio.sleep(0)
        for _ in range(5):
            changes.announce()
        return await asyncio.gather(*waiting)

    assert asyncio.run(burst()) == [6, 6, 6]


def test_a_change_while_nobody_waits_is_not_missed() -> None:
    async def late() -> int:
        changes = Changes()
        seen = changes.revision
        changes.announce()
        return await changes.after(seen)

    assert asyncio.run(late()) == 2
