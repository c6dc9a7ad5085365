"""The screen state: all that a counter page shows, as one JSON object that is pushed whole.

A page that gets it anew at every change can't disagree with the box or with another page; it keeps nothing itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from uuid import UUID

from drivers.supervise import DeviceState
from edge_config.settings import BoxSettings
from gateway.agent import Agent
from gateway.changes import Changes
from gateway.daybook import Daybook, kind_of
from gateway.lookup import Stage
from gateway.page import Page
from gateway.presenting import Result
from gateway.views import JSON, Views
from programme.events import OPERATIONS
from sync.journal import Job, JobState


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
    daybook: Daybook = field(default_factory=Daybook)

    async def state(self, language: str | None = None) -> JSON:
        """All that there is to see now, in a language, or in the box's own."""
        agent = self.agent if language is None else self.agent.speaking(language)
        revision = self.changes.revision
        presented = [_spelt(view, agent.views) for view in (await agent.show())["presented"]]
        configured = agent.configured
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
            "business_day": agent.business_day.isoformat(),
            "connection": _connection(agent),
            "queue": _queue(agent),
            "devices": self._devices(agent),
            "presented": presented,
            "result": _result(agent, presented),
            **self.daybook.view(agent),
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
    view = _said(agent, result) | {"aside": result.aside}
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
        "kind": kind_of(event),
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


def _print(agent: Agent, job: Job) -> JSON:
    return {
        "job": job.job_id,
        "event_id": str(job.event_id),
        "state": job.state.value,
        "message": agent.views.print_state(job),
        "asks": job.state is JobState.UNCERTAIN,
    }
