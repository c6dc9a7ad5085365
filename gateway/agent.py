"""The agent as its local API sees it: every request of a shopkeeper or a till, in one place."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any, Protocol
from uuid import UUID

from gateway.closing import close_day, days_to_close
from gateway.configured import Configured
from gateway.counter import CounterService
from gateway.devices import DeviceBoard
from gateway.ereceipt import qr_svg, receipt_text
from gateway.errors import CounterError
from gateway.identity import Identity
from gateway.lookup import Lookup, Stage
from gateway.orders import Order, Orders
from gateway.presenting import Desk, Placed
from gateway.printing import Printing
from gateway.views import JSON, Views
from gateway.words import Problem
from programme.events import Event
from sync.journal import Journal, Transaction

_LAST_OPERATIONS = 10


class LinkState(Protocol):
    """How the way to central stands."""

    @property
    def is_up(self) -> bool:
        """Connected to the broker."""
        ...

    @property
    def last_ack_at(self) -> datetime | None:
        """When central last acknowledged, by the box's clock; None since the start."""
        ...


class ReplicaState(Protocol):
    """How current the registry replica is."""

    @property
    def checked_at(self) -> dict[str, datetime]:
        """When each programme's was last known to be central's newest."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Agent:
    """Answers requests; each method returns a JSON object or raises CounterError."""

    identity: Identity
    journal: Journal
    lookup: Lookup
    counter: CounterService
    desk: Desk
    orders: Orders
    printing: Printing
    board: DeviceBoard
    link: LinkState
    replica: ReplicaState
    views: Views
    now: Callable[[], datetime]
    new_id: Callable[[], UUID]

    @property
    def configured(self) -> Configured:
        """The configuration in force."""
        return self.counter.configured

    @property
    def business_day(self) -> date:
        """Today, as the shop counts."""
        return self.configured.business_day(self.now())

    def configured_programmes(self) -> list[str]:
        """Ids of the programmes taken here, in order."""
        return sorted(self.configured.book.rules)

    def speaking(self, language: str) -> Agent:
        """The same agent, answering in another language."""
        return self if language == self.views.language else replace(self, views=Views(language=language))

    @property
    def has_days_to_close(self) -> bool:
        """Whether there was an operation since the last closure."""
        return self.lookup.has_open_days(up_to=self.business_day)

    def status(self) -> JSON:
        """How the box fares."""
        queue = self.journal.queue()
        grant = self.lookup.grant()
        configuration = self.configured.configuration
        return {
            "device": self.identity.device,
            "shop": configuration.shop_name,
            "configuration": configuration.version,
            "training": self.counter.training,
            "epoch": self.journal.epoch,
            "link": {"up": self.link.is_up, "last_ack_at": _iso(self.link.last_ack_at)},
            "queue": {
                "unbooked_rows": queue.unbooked_rows,
                "value_at_risk_minor": queue.value_at_risk_minor,
                "oldest_unbooked_at": _iso(queue.oldest_unbooked_at),
            },
            "grant": None
            if grant is None
            else {"id": grant.grant_id, "ends_at": _iso(grant.ends_at), "spent_minor": grant.spent_minor},
            "replicas": self._replicas(),
            "devices": self.views.devices(self.board),
            "jobs": [self.views.job(job) for job in self.lookup.open_jobs()],
            "operations": [self.views.tracked(tracked) for tracked in self.lookup.last_operations(_LAST_OPERATIONS)],
        }

    async def show(self) -> JSON:
        """What lies on the counter, the newest read first."""
        return {
            "training": self.counter.training,
            "can_ask": self.counter.can_ask,
            "presented": [await self._view(placed) for placed in self.desk.placed],
        }

    async def scan(self, code: str, *, device: str) -> JSON:
        """Put a code on the counter that another reader or a person read."""
        return await self._view(self.desk.place(code, device=device))

    async def operate(self, order: Order, event_id: UUID) -> JSON:
        """Carry out an operation."""
        since = self.desk.with_key(event_id) or self.desk.latest
        outcome = self.counter.ended(event_id, is_same=lambda event: self.orders.is_of(order, event))
        if outcome is None:
            outcome = await self.counter.operate(self.orders.command(order), event_id)
        # An ask that was given up has used its key without an end to be seen: the first to repeat it is told.
        if not outcome.repeated or self.desk.with_key(event_id) is not None:
            self.desk.conclude(outcome, since=since)
        tracked = self.lookup.find(outcome.event_id) if outcome.event is not None else None
        stage = tracked.stage if tracked is not None else Stage.RECORDED
        return self.views.outcome(outcome, stage=stage, zone=self.configured.zone)

    async def print(self, event_id: UUID | None) -> JSON:
        """Print an operation or a closure."""
        return self.views.job(await self.printing.request(event_id))

    def receipt_svg(self, event_id: UUID) -> bytes:
        """A receipt as a QR code."""
        return qr_svg(receipt_text(self.printing.ticket(event_id), self.views))

    async def answer_print(self, job_id: int, *, printed: bool) -> JSON:
        """Whether an uncertain print came out."""
        return self.views.job(await self.printing.answer(job_id, printed=printed))

    async def close_days(self) -> JSON:
        """Close every business day that has operations, up to today."""
        events = await self.counter.submit(self._close_days)
        if not events:
            raise CounterError(Problem.NOTHING_TO_CLOSE)
        self.counter.announce()
        self.desk.show_closure(events[-1])
        return {"closures": [{"event_id": str(event.event_id), **self.views.event(event)} for event in events]}

    def train(self, on: bool) -> JSON:
        """Begin or end training, with nothing on the counter; what is so already stays as it is."""
        if on != self.counter.training:
            self.counter.train(on)
            self.desk.clear()
        message = (
            self.views.choose("Entraînement : rien ne compte.", "Training: nothing counts.")
            if on
            else self.views.choose("Fin de l'entraînement : tout compte.", "Training is over: everything counts.")
        )
        return {"training": on, "message": message}

    def _close_days(self, tx: Transaction) -> list[Event]:
        today = self.configured.business_day(tx.now())
        days = days_to_close(tx.records, up_to=today)
        key = self.identity.journal_key
        return [close_day(tx, day=day, key=key, new_id=self.new_id) for day in days]

    async def _view(self, placed: Placed) -> JSON:
        try:
            presented = await self.desk.look(placed)
        except CounterError as error:
            return self.views.problem(placed, error)
        return self.views.presented(presented, zone=self.configured.zone)

    def _replicas(self) -> dict[str, Any]:
        heads = self.journal.replica_heads()
        checked = self.replica.checked_at
        now = self.now()
        return {
            programme: {
                "generation": heads[programme].generation if programme in heads else None,
                "version": heads[programme].version if programme in heads else None,
                "age_s": int((now - checked[programme]).total_seconds()) if programme in checked else None,
            }
            for programme in self.configured.book.rules
        }


def _iso(at: datetime | None) -> str | None:
    return at.isoformat() if at is not None else None
