"""The printer without its socket: bytes and people's hands in, reply bytes and receipts out."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

from hardware_sim.printer.commands import (
    Command,
    Cut,
    EnableAsb,
    Feed,
    Ignored,
    Initialise,
    KickDrawer,
    Recover,
    ReportProcess,
    TransmitIdentity,
    TransmitRealTimeStatus,
    TransmitStatus,
)
from hardware_sim.printer.parser import CommandParser, RealTimeScanner
from hardware_sim.printer.profile import PrinterProfile
from hardware_sim.printer.receipt import Paper, Receipt
from hardware_sim.printer.render import Strip, Typesetter
from hardware_sim.printer.state import (
    Mechanism,
    PrinterError,
    automatic_status,
    identity,
    process_reply,
    real_time_status,
    transmitted_status,
    watched_items,
)


class PrinterEngine:
    """One printer. Every method may leave reply bytes for `take_output`.

    Attributes:
        unsupported: Commands the twin stepped over without knowing them; a test may require none.
    """

    def __init__(self, *, profile: PrinterProfile, first_number: int, on_receipt: Callable[[Receipt], None]) -> None:
        self.profile = profile
        self.mechanism = Mechanism(profile=profile, paper_dots=profile.roll_dots)
        self.unsupported: list[bytes] = []
        self._paper = Paper(width_dots=profile.width_dots)
        self._next_number = first_number
        self._on_receipt = on_receipt
        self._output = bytearray()
        self.power_cycle()

    def power_cycle(self) -> None:
        """Forget what only memory held: buffers, modes, ASB, errors. Printed paper stays printed."""
        self._parser = CommandParser()
        self._real_time = RealTimeScanner()
        self._typesetter = Typesetter(width_dots=self.profile.width_dots)
        self._strips: deque[Strip] = deque()
        self._asb_mask = 0
        self._output.clear()
        self.mechanism.error = None

    @property
    def waiting_bytes(self) -> int:
        """What the receive buffer holds."""
        return self._parser.pending_bytes

    @property
    def printed_lines(self) -> tuple[str, ...]:
        """What can be read on the paper that is not cut yet."""
        return self._paper.lines

    def take_output(self) -> bytes:
        """The reply bytes since the last call, in the order the printer sends them."""
        output = bytes(self._output)
        self._output.clear()
        return output

    def receive(self, data: bytes) -> None:
        """Bytes from the host."""
        with self._reporting_changes():
            for command in self._real_time.receive(data):
                self._execute_real_time(command)
            self._parser.receive(data)
        self._run()

    def load_paper(self, dots: int | None = None) -> None:
        """Put in a roll (a full one by default); a held receipt goes on."""
        if self.mechanism.paper_end:
            self._paper.change_roll()
        self._by_hand(paper_dots=self.profile.roll_dots if dots is None else dots)

    def leave_paper(self, dots: int) -> None:
        """Set how much of the present roll is left; 0 is out of paper."""
        self._by_hand(paper_dots=dots)

    def open_cover(self) -> None:
        """Printing stops."""
        self._by_hand(cover_open=True)

    def close_cover(self) -> None:
        """Printing goes on where it stopped."""
        self._by_hand(cover_open=False)

    def fail(self, error: PrinterError) -> None:
        """Printing stops with an error."""
        self._by_hand(error=error)

    def repair(self) -> None:
        """The error is gone."""
        self._by_hand(error=None)

    def close_drawer(self) -> None:
        """Someone pushes the drawer shut."""
        self._by_hand(drawer_open=False)

    def tear_off(self) -> None:
        """Someone tears the paper off: the receipt ends without a cut."""
        self._finish_receipt()

    def _by_hand(self, **changes: object) -> None:
        with self._reporting_changes():
            for name, value in changes.items():
                setattr(self.mechanism, name, value)
        self._run()

    @contextmanager
    def _reporting_changes(self) -> Iterator[None]:
        """Send the automatic status once when something watched changed inside the block."""
        mask = self._asb_mask
        before = watched_items(self.mechanism, mask)
        yield
        if mask and watched_items(self.mechanism, mask) != before:
            self._output += automatic_status(self.mechanism)

    def _run(self) -> None:
        """Print and execute until the buffer is empty or the printer is offline."""
        while not self.mechanism.offline:
            with self._reporting_changes():
                if self._strips:
                    self._print(self._strips.popleft())
                    continue
                command = self._parser.next_command()
                if command is None:
                    return
                self._execute(command)

    def _print(self, strip: Strip) -> None:
        height = strip.image.height
        if strip.splittable and height > self.mechanism.paper_dots:
            rows = self.mechanism.paper_dots
            self._paper.add(strip.image.crop((0, 0, strip.image.width, rows)))
            rest = strip.image.crop((0, rows, strip.image.width, height))
            self._strips.appendleft(replace(strip, image=rest, qr_payload=None))
            self.mechanism.use_paper(rows)
            return
        self._paper.add(strip.image)
        self.mechanism.use_paper(height)
        if strip.text is not None:
            self._paper.note_line(strip.text)
        if strip.qr_payload is not None:
            self._paper.note_qr(strip.qr_payload)

    def _execute(self, command: Command) -> None:
        match command:
            case TransmitRealTimeStatus() | Recover():
                pass  # done on arrival
            case KickDrawer():
                self._kick()
            case EnableAsb(mask=mask):
                self._asb_mask = mask
                self._output += automatic_status(self.mechanism) if mask else b""
            case TransmitStatus(what=what):
                self._output += transmitted_status(self.mechanism, what)
            case TransmitIdentity(what=what):
                self._output += identity(self.profile, what)
            case ReportProcess(process_id=process_id):
                self._output += process_reply(process_id) if self.profile.reports_process else b""
            case Cut():
                self._cut(command)
            case Ignored(raw=raw, known=known):
                if not known:
                    self.unsupported.append(raw)
            case _:
                if isinstance(command, Initialise):
                    self._asb_mask = 0
                self._strips.extend(self._typesetter.set(command))

    def _cut(self, command: Cut) -> None:
        if command.feed_dots is not None:
            feed = Feed(dots=self.profile.cutter_distance_dots + command.feed_dots)
            for strip in self._typesetter.set(feed):
                self._print(strip)
        self._finish_receipt()

    def _finish_receipt(self) -> None:
        if self._paper.blank:
            return
        receipt = self._paper.take(number=self._next_number)
        self._next_number += 1
        self._on_receipt(receipt)

    def _execute_real_time(self, command: Command) -> None:
        match command:
            case TransmitRealTimeStatus(what=what):
                self._output += real_time_status(self.mechanism, what)
            case Recover(clear_buffers=clear_buffers) if self.mechanism.error is PrinterError.CUTTER:
                self.mechanism.error = None
                if clear_buffers:
                    self._parser.clear()
                    self._strips.clear()
                    self._typesetter.reset()
            case KickDrawer() if self.mechanism.error is None:
                self._kick()

    def _kick(self) -> None:
        self.mechanism.drawer_kicks += 1
        self.mechanism.drawer_open = True
