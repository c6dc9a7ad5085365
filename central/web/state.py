"""All that the office page shows, as one JSON object."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeAlias

from sqlalchemy import func, select

from central.deciding import kinds_of, taken_on
from central.store import devices, events, journal, ledger, programmes
from central.store.schema import (
    CONFLICTS,
    DEVICES,
    EPOCHS,
    FORKS,
    GRANTS,
    LEDGER_ENTRIES,
    PRESENCE,
    QUARANTINE,
    REPORTS,
)
from central.web.cases import desk_view
from central.web.figures import books_to_json, programme_to_json
from central.web.fleet import Level, fleet
from central.web.link import LinkState
from central.work import Work
from programme.events import OPERATIONS, DeskDecision, Earned, Event, Operation, Redeemed, Sold, Voided
from programme.fold.effects import DISPUTED, HOLDERS, LOSS, Postings, held, merchant
from programme.rules import RuleSet

JSON: TypeAlias = dict[str, Any]

LATEST_EVENTS = 30
_MINUTE_S = 60


def stamp(work: Work) -> tuple[object, ...]:
    """Changes when there is something else to show, and each minute, for silence grows; cheap, for every second."""
    small = [
        work.db.execute(select(func.count()).select_from(table)).scalar_one()
        for table in (FORKS, QUARANTINE, CONFLICTS)
    ]
    newest = [
        work.db.execute(select(func.max(column))).scalar_one()
        for column in (PRESENCE.c.at_us, REPORTS.c.at_us, GRANTS.c.issued_at_us)
    ]
    fleet = work.db.execute(select(func.count(), func.sum(DEVICES.c.config_version)).select_from(DEVICES)).one()
    there = work.db.execute(select(func.count()).select_from(PRESENCE).where(PRESENCE.c.online)).scalar_one()
    shops, rules = len(devices.shops(work.db)), len(programmes.versions(work.db))
    minute = int(work.now.timestamp()) // _MINUTE_S
    # A row may move no money and no watermark, and still leave a gap below it.
    gaps = tuple(tuple(gap.values()) for gap in journal.gaps(work.db))
    return (*small, *newest, *fleet, there, shops, rules, gaps, *books_stamp(work), minute)


def books_stamp(work: Work) -> tuple[object, ...]:
    """Changes with what the books are made of."""
    entry = work.db.execute(select(func.max(LEDGER_ENTRIES.c.entry))).scalar_one()
    booked = work.db.execute(select(func.sum(EPOCHS.c.watermark_seq))).scalar_one()
    return entry, booked, events.latest(work.db)


def office_state(work: Work, verdict: JSON | None, link: LinkState) -> JSON:
    """How everything stands.

    Args:
        verdict: The newest one about the books, if there is one yet.
        link: The one to the broker.
    """
    shops, desk, books = fleet(work, link), desk_view(work), books_to_json(work, verdict)
    levels = [
        Level.WELL if link.is_up else Level.TROUBLE,
        Level.TROUBLE if books["holds"] is False else Level.WELL,
        Level.LOOK if any(desk["counts"].values()) else Level.WELL,
        *(shop["level"] for shop in shops),
    ]
    return {
        "at": work.now.isoformat(),
        "tenant": work.tenant,
        "level": max(levels),
        "link": {"up": link.is_up, "since": link.since.isoformat()},
        "shops": shops,
        "books": books,
        "events": _events(work),
        "desk": desk,
    }


def _events(work: Work) -> list[JSON]:
    newest = events.newest(work.db, LATEST_EVENTS)
    booked = ledger.booked(work.db, [event.event_id for event in newest])
    taken = taken_on(work, [event.event_id for event in newest])
    shops, rules = devices.shops(work.db), work.newest_rules()
    return [
        _event(event, shops, rules, _booked(event, booked.get(event.event_id, {}), taken.get(event.event_id, ())))
        for event in newest
    ]


def _event(event: Event, shops: dict[str, devices.Shop], rules: dict[str, RuleSet], booked: str) -> JSON:
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
        **programme_to_json(rules[data.programme]),
        "amount_minor": data.amount_minor,
        "how": _how(data),
        "booked": booked,
    }


def _how(data: Operation) -> str | None:
    """Whether central was asked; nobody asks for earns, and sales rest on what was consigned."""
    if data.evidence.answer is not None:
        return "online"
    return "offline" if isinstance(data, Redeemed) else None


def _booked(event: Event, postings: Postings, taken: Iterable[Event]) -> str:
    """What became of an operation, in a word of the page's."""
    data = event.data
    assert isinstance(data, OPERATIONS)
    shop = data.counter.shop
    if data.counter.training:
        return "training"
    if not postings:
        return "declined" if DeskDecision.DECLINE in kinds_of(taken) else "nothing"
    if isinstance(data, Voided):
        return "booked"
    if held(shop) in postings:
        return "held"
    if DISPUTED in postings:
        return "disputed"
    if isinstance(data, Earned) and postings.get(HOLDERS, 0) < data.amount_minor:
        return "capped"
    if postings.get(LOSS, 0) < 0 and merchant(shop) in postings:
        return "lost"
    return "booked"
