"""Running a box's parts while a test plays the people and devices around it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from edge_config.settings import BoxSettings
from gateway.devices import DeviceBoard, Devices
from gateway.spooler import Spooler
from tests.gateway.world import Box


async def until(condition: Callable[[], bool]) -> None:
    """Let others run until something holds; the test's time limit ends what never does."""
    while not condition():
        await asyncio.sleep(0.01)


def run_devices(
    box: Box, settings: BoxSettings, play: Callable[[DeviceBoard], Awaitable[None]], spooler: Spooler | None = None
) -> None:
    """Run a box's devices while a story is played."""

    async def run() -> None:
        board = DeviceBoard()
        devices = Devices(settings=settings, desk=box.desk, spooler=spooler, board=board, now=box.clock.now)
        tasks = {asyncio.create_task(coroutine, name=name) for name, coroutine in devices.tasks().items()}
        try:
            await play(board)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)

    asyncio.run(run())
