"""What is known about a printer, put together from its replies. Pure.

A reply to DLE EOT doesn't say which question it answers, so one is asked at a time.
"""

from dataclasses import replace

from drivers.escpos.status import AutomaticStatus, PrinterEvent, PrinterStatus, RealTimeReply, RealTimeRequest

_UNKNOWN = PrinterStatus(online=False)


class StatusTracker:
    """Follow a printer's status, and lead the round of DLE EOT questions."""

    def __init__(self) -> None:
        self._status: PrinterStatus | None = None
        self._asked: RealTimeRequest | None = None
        self._to_ask: list[RealTimeRequest] = []

    @property
    def status(self) -> PrinterStatus | None:
        """The last known status; None before the printer has said anything."""
        return self._status

    @property
    def is_round_over(self) -> bool:
        """Whether all planned questions are answered."""
        return self._asked is None and not self._to_ask

    def plan(self, requests: tuple[RealTimeRequest, ...]) -> None:
        """Ask these too, after those that are planned already."""
        self._to_ask += [request for request in requests if request not in self._to_ask]

    def give_up(self) -> None:
        """Forget a question that was never answered, and those planned after it."""
        self._asked = None
        self._to_ask.clear()

    def next_question(self) -> RealTimeRequest | None:
        """The next question to send now; None while an answer is due or when the round is over."""
        if self._asked is None and self._to_ask:
            self._asked = self._to_ask.pop(0)
            return self._asked
        return None

    def take(self, event: PrinterEvent) -> None:
        """Learn from a reply."""
        if isinstance(event, AutomaticStatus):
            self._status = event.status
        elif isinstance(event, RealTimeReply) and self._asked is not None:
            self._status = with_real_time_reply(self._status or _UNKNOWN, self._asked, event.bits)
            self._asked = None


def with_real_time_reply(status: PrinterStatus, request: RealTimeRequest, bits: int) -> PrinterStatus:
    """The status after an answer to DLE EOT n. Source: DLE EOT, the table for each n."""
    match request:
        case RealTimeRequest.PRINTER:
            return replace(
                status, drawer_pin_high=bool(bits & 0x04), online=not bits & 0x08, feed_button=bool(bits & 0x40)
            )
        case RealTimeRequest.OFFLINE_CAUSE:
            stopped_by_paper = bool(bits & 0x20)
            return replace(
                status,
                cover_open=bool(bits & 0x04),
                feed_button=bool(bits & 0x08),
                paper_out=stopped_by_paper,
                online=status.online and not (stopped_by_paper or bits & 0x44),
            )
        case RealTimeRequest.ERROR_CAUSE:
            return replace(
                status,
                recoverable_error=bool(bits & 0x04),
                cutter_error=bool(bits & 0x08),
                unrecoverable_error=bool(bits & 0x20),
                overheated=bool(bits & 0x40),
            )
        case RealTimeRequest.PAPER:
            return replace(status, paper_near_end=bool(bits & 0x0C), paper_out=bool(bits & 0x60))
