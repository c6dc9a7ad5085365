"""What the screen state says of the journal: the last operations, the vouchers to sell, the day's totals.

Only rows, and how far they are on their way, change it: a scan finds it drawn.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from uuid import UUID

from gateway.agent import Agent
from gateway.configured import Configured
from gateway.lookup import Marks, Tracked
from gateway.views import JSON
from programme.events import OPERATIONS, DayClosed, Earned, Event, Redeemed, Sold, Voided
from programme.money import CURRENCIES
from programme.state import OpenOperation, OperationKind

_LAST_OPERATIONS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class _Drawn:
    """What was drawn, and what it was drawn from."""

    marks: Marks
    today: date
    training: bool
    configured: Configured
    view: JSON


@dataclass(frozen=True, slots=True, kw_only=True)
class Daybook:
    """Draws it, again only when there is something else to see."""

    _drawn: dict[str, _Drawn] = field(default_factory=dict)

    def view(self, agent: Agent) -> JSON:
        """The parts of the screen state, in the agent's language."""
        # Read first: what is drawn may be newer than its marks, never older.
        marks, today, training = of = agent.lookup.marks(), agent.business_day, agent.counter.training
        configured = agent.configured
        drawn = self._drawn.get(agent.views.language)
        if drawn is None or (drawn.marks, drawn.today, drawn.training) != of or drawn.configured is not configured:
            view = _draw(agent, today)
            drawn = _Drawn(marks=marks, today=today, training=training, configured=configured, view=view)
            self._drawn[agent.views.language] = drawn
        return drawn.view


def _draw(agent: Agent, today: date) -> JSON:
    operations = agent.lookup.open_operations()
    return {
        "operations": _operations(agent, operations, today),
        "programmes": _programmes(agent),
        "totals": _totals(agent, operations.values(), today),
    }


def kind_of(event: Event) -> str | None:
    """What the shopkeeper did; None for a row of the box's own."""
    match event.data:
        case Earned():
            return "earn"
        case Redeemed():
            return "redeem"
        case Sold():
            return "sell"
        case Voided():
            return "void"
        case DayClosed():
            return "close"
    return None


def _operations(agent: Agent, open_ones: Mapping[UUID, OpenOperation], today: date) -> list[JSON]:
    told = agent.lookup.last_told(_LAST_OPERATIONS)
    # A void comes after what it reverses: none of what is shown was voided before it.
    voided = {
        tracked.event.data.target
        for tracked in told
        if isinstance(tracked.event.data, Voided) and not tracked.event.data.counter.training
    }
    return [
        _operation(
            agent, tracked, open_ones.get(tracked.event.event_id), today, voided=tracked.event.event_id in voided
        )
        for tracked in told
    ]


def _operation(agent: Agent, tracked: Tracked, known: OpenOperation | None, today: date, *, voided: bool) -> JSON:
    event, data = tracked.event, tracked.event.data
    local = event.ordered_at.astimezone(agent.configured.zone)
    view = {
        "event_id": str(event.event_id),
        "kind": kind_of(event),
        "time": f"{local:%H:%M}",
        "day": local.date().isoformat(),
        "message": agent.views.sentence(event),
        "amount": None,
        "programme_name": None,
        "stage": tracked.stage.value,
        "training": False,
        "voided": voided,
        "can_void": known is not None and not voided and known.business_day == today and not agent.counter.training,
        "can_print": agent.printing.has_printer and not (isinstance(data, Sold) and voided),
    }
    if isinstance(data, OPERATIONS):
        rules = agent.configured.rules(data.programme)
        view["amount"] = agent.views.amount(data.amount_minor, data.currency)
        view["programme_name"] = rules.name(agent.views.language) if rules is not None else data.programme
        view["training"] = data.counter.training
    return view


def _programmes(agent: Agent) -> list[JSON]:
    unsold = agent.lookup.unsold()
    views = []
    for programme, rules in sorted(agent.configured.book.rules.items()):
        left: dict[str, int] = {}
        for voucher in sorted(unsold.get(programme, []), key=lambda voucher: voucher.face_minor):
            left[str(voucher.face_minor)] = left.get(str(voucher.face_minor), 0) + 1
        views.append(
            {
                "id": programme,
                "name": rules.name(agent.views.language),
                "kind": "voucher" if rules.voucher is not None else "card",
                "currency": rules.currency_code,
                "consigned": left,
            }
        )
    return views


def _totals(agent: Agent, operations: Iterable[OpenOperation], today: date) -> JSON:
    views, by_programme = agent.views, agent.lookup.day_totals(today)
    sums: dict[tuple[str, str], int] = {}
    owed: dict[str, int] = {}
    for programme, totals in by_programme.items():
        rules = agent.configured.rules(programme)
        currency = rules.currency_code if rules is not None else "EUR"
        for label, amount_minor in views.totals(totals):
            sums[label, currency] = sums.get((label, currency), 0) + amount_minor
    for operation in operations:
        if operation.business_day == today and not operation.voided:
            owed[operation.currency] = owed.get(operation.currency, 0) + _owed_minor(operation)
    return {
        "business_day": today.isoformat(),
        "count": sum(totals.count for totals in by_programme.values()),
        "rows": [
            {"label": label, "amount": views.amount(amount_minor, currency)}
            for (label, currency), amount_minor in sums.items()
            if amount_minor
        ],
        "owed": {
            "amount": " + ".join(views.amount(owed[currency], currency) for currency in sorted(owed))
            or views.amount(0, next(iter(CURRENCIES))),
            "message": views.choose(
                "D'après ce comptoir, depuis la dernière clôture ; le relevé du centre fait foi.",
                "As far as this counter knows, since the last closure; the centre's statement counts.",
            ),
        },
        "closable": agent.has_days_to_close,
    }


def _owed_minor(operation: OpenOperation) -> int:
    """What the programme owes the shop for an operation: what it redeemed, less the cash it took for a voucher."""
    return {
        OperationKind.REDEEMED: operation.amount_minor,
        OperationKind.SOLD: -operation.amount_minor,
        OperationKind.EARNED: 0,
    }[operation.kind]
