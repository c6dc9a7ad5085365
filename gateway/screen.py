"""The screen state: all that a counter page shows, as one JSON object that is pushed whole.

A page that gets it anew at every change can't disagree with the box or with another page; it keeps nothing itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from enum import Enum
from uuid import UUID

from drivers.supervise import DeviceState
from edge_config.settings import BoxSettings
from gateway.agent import Agent
from gateway.changes import Changes
from gateway.lookup import Stage, Tracked
from gateway.page import Page
from gateway.presenting import Result
from gateway.views import JSON, Views
from programme.events import OPERATIONS, DayClosed, Earned, Event, Redeemed, Sold, Voided
from programme.money import CURRENCIES
from programme.state import OpenOperation, OperationKind
from sync.journal import Job, JobState

_LAST_OPERATIONS = 20


class DeviceKind(Enum):
    """What a device is for."""

    SCANNER = "scanner"
    CAMERA = "camera"
    PRINTER = "printer"


def device_kinds(settings: BoxSettings) -> dict[str, DeviceKind]:
    """What each device of a box is."""
    kinds = {scanner.name: DeviceKind.SCANNER for scanner in settings.scanners}
    kinds |= {camera.name: DeviceKind.CAMERA for camera in settings.cameras}
    return kinds | ({settings.printer.name: DeviceKind.PRINTER} if settings.printer is not None else {})


@dataclass(frozen=True, slots=True, kw_only=True)
class Screen:
    """Draws the state.

    Attributes:
        boot: Of this start of the agent: revisions and numbers compare only within one.
        page: What is served: a page of another fingerprint loads itself again.
    """

    agent: Agent
    changes: Changes
    kinds: Mapping[str, DeviceKind]
    boot: UUID
    page: Page

    async def state(self, language: str | None = None) -> JSON:
        """All that there is to see now, in a language, or in the box's own."""
        agent = self.agent if language is None else self.agent.speaking(language)
        revision = self.changes.revision
        presented = [_spelt(view, agent.views) for view in (await agent.show())["presented"]]
        configured = agent.configured
        today = agent.business_day
        operations = agent.lookup.open_operations()
        return {
            "revision": revision,
            "boot": str(self.boot),
            "page": self.page.fingerprint,
            "language": agent.views.language,
            "shop": {
                "name": configured.configuration.shop_name,
                "till": configured.configuration.till,
                "device": agent.identity.device,
            },
            "training": agent.counter.training,
            "business_day": today.isoformat(),
            "connection": _connection(agent),
            "queue": _queue(agent),
            "devices": self._devices(agent),
            "presented": presented,
            "result": _result(agent, presented),
            "operations": _operations(agent, operations, today),
            "programmes": _programmes(agent),
            "totals": _totals(agent, operations.values(), today),
            "prints": [_print(agent, job) for job in agent.lookup.open_jobs()],
        }

    def _devices(self, agent: Agent) -> list[JSON]:
        return [
            {
                "name": device["name"],
                "kind": self.kinds[device["name"]].value,
                "ready": device["state"] == DeviceState.READY.value and device["name"] not in agent.board.wants,
                "message": device["message"],
            }
            for device in agent.views.devices(agent.board)
            if device["name"] in self.kinds
        ]


def _spelt(view: JSON, views: Views) -> JSON:
    """A presented code with its amounts as people read them."""
    if not view["understood"]:
        return view
    spendable, face, currency = view["spendable_minor"], view["face_minor"], view["currency"]
    return view | {
        "balance": None if spendable is None else views.amount(spendable, currency),
        "face": None if face is None else views.amount(face, currency),
    }


def _connection(agent: Agent) -> JSON:
    up = agent.link.is_up
    said = (
        agent.views.choose("Relié au centre.", "Connected to the centre.")
        if up
        else agent.views.choose(
            "Hors ligne : continuez, tout est gardé et partira tout seul.",
            "Offline: go on, everything is kept and will leave by itself.",
        )
    )
    return {"up": up, "message": said}


def _queue(agent: Agent) -> JSON:
    count = agent.journal.queue().unbooked_rows
    return {"unbooked_rows": count, "message": "" if count == 0 else agent.views.waiting(count)}


def _result(agent: Agent, presented: list[JSON]) -> JSON | None:
    result = agent.desk.result
    if result is None:
        return None
    view = _said(agent, result)
    event = result.event
    if event is None:
        return view | {
            "kind": None,
            "amount": None,
            "training": False,
            "balance": None,
            "event_id": None,
            "stage": None,
        }
    data = event.data
    instrument = data.instrument if isinstance(data, OPERATIONS) else None
    lying = next((placed for placed in presented if instrument and placed.get("instrument") == instrument), None)
    tracked = agent.lookup.find(event.event_id)
    return view | {
        "kind": _kind(event),
        "amount": agent.views.amount(data.amount_minor, data.currency) if isinstance(data, OPERATIONS) else None,
        "training": isinstance(data, OPERATIONS) and data.counter.training,
        # What is spendable; an earn isn't until it is booked, and "new balance: 0,00 €" would be taken for a fault.
        "balance": lying["balance"] if lying is not None and not lying["pending_minor"] else None,
        "event_id": str(event.event_id),
        "stage": (tracked.stage if tracked is not None else Stage.RECORDED).value,
    }


def _said(agent: Agent, result: Result) -> JSON:
    if result.outcome is None:
        assert result.event is not None
        return {"number": result.number, "accepted": True, "message": agent.views.sentence(result.event)}
    outcome = agent.views.outcome(result.outcome, stage=Stage.RECORDED, zone=agent.configured.zone)
    return {"number": result.number, "accepted": outcome["accepted"], "message": outcome["message"]}


def _operations(agent: Agent, open_ones: Mapping[UUID, OpenOperation], today: date) -> list[JSON]:
    told = agent.lookup.last_told(_LAST_OPERATIONS)
    # A void comes after what it reverses: none of what is shown was voided before it.
    voided = {tracked.event.data.target for tracked in told if isinstance(tracked.event.data, Voided)}
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
        "kind": _kind(event),
        "time": f"{local:%H:%M}",
        "day": local.date().isoformat(),
        "message": agent.views.sentence(event),
        "amount": None,
        "programme_name": None,
        "stage": tracked.stage.value,
        "training": False,
        "voided": voided,
        "can_void": known is not None and not voided and known.business_day == today,
        "can_print": agent.printing.has_printer and not (isinstance(data, Sold) and voided),
    }
    if isinstance(data, OPERATIONS):
        rules = agent.configured.rules(data.programme)
        view["amount"] = agent.views.amount(data.amount_minor, data.currency)
        view["programme_name"] = rules.name(agent.views.language) if rules is not None else data.programme
        view["training"] = data.counter.training
    return view


def _kind(event: Event) -> str | None:
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


def _print(agent: Agent, job: Job) -> JSON:
    return {
        "job": job.job_id,
        "event_id": str(job.event_id),
        "state": job.state.value,
        "message": agent.views.print_state(job),
        "asks": job.state is JobState.UNCERTAIN,
    }
