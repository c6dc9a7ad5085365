"""The printer twin on TCP, as a network printer on port 9100 is: one host at a time, several over time."""

from __future__ import annotations

import asyncio
from pathlib import Path
from types import TracebackType

from hardware_sim.ports import LOOPBACK, free_loopback_port
from hardware_sim.printer.engine import PrinterEngine
from hardware_sim.printer.profile import WIDE, PrinterProfile
from hardware_sim.printer.receipt import Receipt, ReceiptFolder
from hardware_sim.printer.state import PrinterError
from hardware_sim.tasks import ConnectionSet

_READ_BYTES = 4096


class PrinterTwin:
    """An ESC/POS printer in software.

    Use as `async with PrinterTwin(output=folder) as printer:`; receipts appear in `output` and in `receipts`.
    """

    def __init__(self, *, output: Path, profile: PrinterProfile = WIDE, port: int | None = None) -> None:
        self.host = LOOPBACK
        self.port = port or free_loopback_port()
        self.receipts: list[Receipt] = []
        self._folder = ReceiptFolder(output)
        self._engine = PrinterEngine(
            profile=profile, first_number=self._folder.next_number(), on_receipt=self._keep_receipt
        )
        self._connections = ConnectionSet(self._serve)
        self._server: asyncio.Server | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._one_host = asyncio.Lock()
        self._room = asyncio.Event()
        self._waiters: list[asyncio.Future[None]] = []
        self._mute = False

    async def __aenter__(self) -> PrinterTwin:
        await self.power_on()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.power_off()

    async def power_on(self) -> None:
        """Listen; the printer remembers nothing of before."""
        if self._server is None:
            self._engine.power_cycle()
            self._server = await asyncio.start_server(self._connections.serve, self.host, self.port)

    async def power_off(self) -> None:
        """Drop the host and refuse connections; what was buffered is lost."""
        server, self._server = self._server, None
        if server is not None:
            server.close()
        await self._connections.drop()
        self._engine.power_cycle()

    async def drop_connection(self) -> None:
        """Pull the cable for a moment: the host's connection breaks, the printer keeps its buffer."""
        await self._connections.drop()

    def mute(self) -> None:
        """From now on nothing is answered, as with a printer whose way back is broken."""
        self._mute = True

    def unmute(self) -> None:
        """Answer again; what was not sent stays unsent."""
        self._mute = False

    def load_paper(self, dots: int | None = None) -> None:
        """Put in a roll, a full one by default."""
        self._engine.load_paper(dots)
        self._after_hand()

    def leave_paper(self, dots: int) -> None:
        """Let `dots` of the present roll be left; 0 is out of paper."""
        self._engine.leave_paper(dots)
        self._after_hand()

    def open_cover(self) -> None:
        """Open the paper cover."""
        self._engine.open_cover()
        self._after_hand()

    def close_cover(self) -> None:
        """Close the paper cover."""
        self._engine.close_cover()
        self._after_hand()

    def fail(self, error: PrinterError) -> None:
        """Let an error stop the printer."""
        self._engine.fail(error)
        self._after_hand()

    def repair(self) -> None:
        """End the error."""
        self._engine.repair()
        self._after_hand()

    def close_drawer(self) -> None:
        """Push the cash drawer shut."""
        self._engine.close_drawer()
        self._after_hand()

    def tear_off(self) -> None:
        """End the receipt by hand."""
        self._engine.tear_off()

    @property
    def drawer_kicks(self) -> int:
        """How often the drawer was opened by command."""
        return self._engine.mechanism.drawer_kicks

    @property
    def paper_dots(self) -> int:
        """Length of paper left."""
        return self._engine.mechanism.paper_dots

    @property
    def near_end_dots(self) -> int:
        """Paper left when the near-end sensor trips."""
        return self._engine.profile.near_end_dots

    @property
    def offline(self) -> bool:
        """Whether printing is stopped."""
        return self._engine.mechanism.offline

    @property
    def connected_hosts(self) -> int:
        """Open connections, the waiting ones included."""
        return len(self._connections)

    @property
    def printed_lines(self) -> tuple[str, ...]:
        """What can be read on the paper that is not cut yet."""
        return self._engine.printed_lines

    @property
    def unsupported(self) -> tuple[bytes, ...]:
        """Commands that the twin does not know."""
        return tuple(self._engine.unsupported)

    async def receipt(self, count: int = 1) -> Receipt:
        """Wait until `count` receipts were cut since this twin was made, and return the last of these."""
        while len(self.receipts) < count:
            waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiters.append(waiter)
            await waiter
        return self.receipts[count - 1]

    def _keep_receipt(self, receipt: Receipt) -> None:
        self._folder.save(receipt)
        self.receipts.append(receipt)
        waiters, self._waiters = self._waiters, []
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async with self._one_host:
            self._writer = writer
            try:
                await self._converse(reader, writer)
            finally:
                self._writer = None

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(_READ_BYTES):
            self._engine.receive(data)
            self._send()
            await writer.drain()
            self._update_room()
            await self._room.wait()

    def _after_hand(self) -> None:
        self._send()
        self._update_room()

    def _send(self) -> None:
        output = self._engine.take_output()
        if output and self._writer is not None and not self._mute:
            self._writer.write(output)

    def _update_room(self) -> None:
        """A full receive buffer stops reading only while the printer is offline: else it is a long command arriving."""
        full = self._engine.waiting_bytes >= self._engine.profile.receive_buffer_bytes
        if full and self._engine.mechanism.offline:
            self._room.clear()
        else:
            self._room.set()
