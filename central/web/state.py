"""All that the office page shows, as one JSON object."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from datetime import datetime
from typing import Any, TypeAlias

from sqlalchemy import func, select

from central.attention import desk_to_json, devices_to_json
from central.audit import Audit, audit
from central.store import devices, events, ledger
from central.store.schema import CONFLICTS, EVENTS, FORKS, LEDGER_ENTRIES, PRESENCE, QUARANTINE
from central.work import Work, Workshop
from programme.events import OPERATIONS, Earned, Event, Redeemed, Sold
from programme.money import CURRENCIES

JSON: TypeAlias = dict[str, Any]

LATEST_EVENTS = 30
SILENT_AFTER_S = 120
"""A box that is connected tells its health every half minute."""
CHECKING_SHARE = 20
"""The books are checked again after so many times as long as the last check took: a twentieth of the time at most."""


def stamp(work: Work) -> tuple[object, ...]:
    """Changes whenever there is something else to show; cheap, meant for every second."""
    counted = [
        work.db.execute(select(func.count()).select_from(table)).scalar_one()
        for table in (EVENTS, LEDGER_ENTRIES, FORKS, QUARANTINE, CONFLICTS)
    ]
    seen = work.db.execute(select(func.max(PRESENCE.c.at_us), func.count(PRESENCE.c.device))).one()
    there = work.db.execute(select(func.count()).select_from(PRESENCE).where(PRESENCE.c.online)).scalar_one()
    return (*counted, *seen, there, len(devices.shops(work.db)))


class BooksCheck:
    """The audit's verdict. It folds everything from scratch, so one takes it for all, and not all the time."""

    def __init__(self, workshop: Workshop, *, monotonic_s: Callable[[], float]) -> None:
        self._workshop = workshop
        self._monotonic_s = monotonic_s
        self._lock = threading.Lock()
        self._next_s = 0.0
        self._told: JSON | None = None

    def told(self) -> JSON:
        """The newest verdict, checked again when it is old."""
        with self._lock:
            started_s = self._monotonic_s()
            if self._told is None or started_s >= self._next_s:
                with self._workshop.read() as work:
                    self._told = _books(audit(work), work)
                ended_s = self._monotonic_s()
                self._next_s = ended_s + CHECKING_SHARE * (ended_s - started_s)
            return self._told


def office_state(work: Work, books: JSON) -> JSON:
    """How everything stands."""
    desk = desk_to_json(work)
    return {
        "at": work.now.isoformat(),
        "tenant": work.tenant,
        "shops": _shops(work),
        "books": books,
        "events": _events(work),
        "desk": desk,
        "open_cases": sum(not finding["settled"] for finding in desk["findings"])
        + sum(len(desk[kind]) for kind in ("forks", "quarantine", "conflicts")),
    }


def _shops(work: Work) -> list[JSON]:
    """Every box with its shop; those in trouble first."""
    shops = devices.shops(work.db)
    told = []
    for device in devices_to_json(work):
        seen_at, health = device["seen_at"], device["health"]
        read = json.loads(str(health)) if health is not None else None
        quiet_s = (work.now - datetime.fromisoformat(str(seen_at))).total_seconds() if seen_at is not None else None
        told.append(
            {
                "device": device["device"],
                "shop": device["shop"],
                "name": shops[str(device["shop"])].name,
                "till": device["till"],
                "online": device["online"],
                "silent": bool(device["online"]) and (quiet_s is None or quiet_s > SILENT_AFTER_S),
                "seen_at": seen_at,
                "software": device["software"],
                "configuration": {"newest": device["config_version"], "applied": device["config_applied"]},
                "grant": device["grant"],
                "health": read,
            }
        )
    return sorted(told, key=lambda box: (-_trouble(box), str(box["name"]), str(box["device"])))


def _trouble(box: JSON) -> int:
    health = box["health"] or {}
    broken = sum(state != "ready" for state in (health.get("devices") or {}).values())
    return 4 * (not box["online"]) + 3 * bool(box["silent"]) + 2 * bool(broken) + bool(health.get("unbooked_rows"))


def _books(result: Audit, work: Work) -> JSON:
    balances: dict[str, dict[str, int]] = {}
    for (programme, _, account), balance_minor in sorted(result.balances.items()):
        balances.setdefault(programme, {})[account] = balance_minor
    rules = work.newest_rules()
    return {
        "holds": result.holds,
        "checked_at": work.now.isoformat(),
        "events": result.events,
        "entries": ledger.count_entries(work.db),
        "promises": [
            {"name": invariant.name, "checked": invariant.checked, "violations": list(invariant.violations[:5])}
            for invariant in result.invariants
        ],
        "programmes": [
            {
                "programme": programme,
                "name_fr": rules[programme].name_fr,
                "name_en": rules[programme].name_en,
                "currency": CURRENCIES[rules[programme].currency_code].code,
                "issued_minor": flow.issued_minor + flow.sold_minor,
                "earned_minor": flow.earned_minor,
                "redeemed_minor": flow.redeemed_minor,
                "cancelled_minor": flow.cancelled_minor,
                "outstanding_minor": flow.outstanding_minor,
                "loss_minor": -balances.get(programme, {}).get("loss", 0),
                "may_be_accepted_minor": result.open_ceilings_minor.get(programme, 0),
            }
            for programme, flow in sorted(result.flows.items())
        ],
    }


def _events(work: Work) -> list[JSON]:
    newest = events.newest(work.db, LATEST_EVENTS)
    shops = devices.shops(work.db)
    return [_event(event, shops) for event in newest]


def _event(event: Event, shops: dict[str, devices.Shop]) -> JSON:
    data = event.data
    assert isinstance(data, OPERATIONS)
    kind = {Earned: "earn", Redeemed: "redeem", Sold: "sell"}.get(type(data), "void")
    shop = shops.get(data.counter.shop)
    return {
        "event_id": str(event.event_id),
        "kind": kind,
        "at": event.ordered_at.isoformat(),
        "shop": shop.name if shop is not None else data.counter.shop,
        "programme": data.programme,
        "currency": data.currency,
        "amount_minor": data.amount_minor,
        "offline": isinstance(data, Redeemed) and data.evidence.grant is not None,
        "training": data.counter.training,
    }
