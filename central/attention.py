"""What waits for a person, with what the person needs to settle it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from central.deciding import Taken, choices, taken_on
from central.store import desk, devices, events, grants, journal
from central.store.authorisations import open_of_device
from central.store.devices import Device, Shop
from central.work import Work
from programme.events import Decided, Event
from programme.fold.effects import Acceptance, Finding, FindingKind

NEEDS_A_PERSON = tuple(kind for kind in FindingKind if kind is not FindingKind.CLAMPED)
"""A clamped earn is the rule at work; it is recorded, and nobody has to decide."""


def desk_to_json(work: Work) -> dict[str, list[dict[str, Any]]]:
    """Findings, forks, quarantined rows, conflicts and gaps."""
    found = desk.findings(work.db, NEEDS_A_PERSON)
    named = events.named(work.db, {event_id for _, finding in found for event_id in finding.events})
    shops = devices.shops(work.db)
    taken = taken_on(work, list(named))
    return {
        "findings": [
            {
                "kind": finding.kind.value,
                "programme": programme,
                "instrument": finding.instrument,
                "funded_minor": sum(acceptance.funded_minor for acceptance in finding.acceptances),
                "loss_minor": sum(acceptance.loss_minor for acceptance in finding.acceptances),
                "settled": _is_settled(finding, taken),
                "events": [_event_to_json(named[event_id], finding, shops, taken) for event_id in finding.events],
            }
            for programme, finding in found
        ],
        "forks": desk.forks(work.db),
        "quarantine": desk.quarantined(work.db),
        "conflicts": desk.conflicts(work.db),
        "gaps": journal.gaps(work.db),
    }


def _is_settled(finding: Finding, taken: Taken) -> bool:
    """Whether every redemption that left something to decide was decided."""
    return any(taken.get(acceptance.event_id) for acceptance in finding.acceptances) and not any(
        choices(acceptance, taken.get(acceptance.event_id, ())) for acceptance in finding.acceptances
    )


def _event_to_json(event: Event, finding: Finding, shops: dict[str, Shop], taken: Taken) -> dict[str, object]:
    counter = getattr(event.data, "counter", None)
    shop = shops.get(counter.shop) if counter is not None else None
    told: dict[str, object] = {
        "event_id": str(event.event_id),
        "type": event.type,
        "device": event.source,
        "shop": shop.shop if shop is not None else None,
        "shop_name": shop.name if shop is not None else None,
        "at": event.ordered_at.isoformat(),
        "amount_minor": getattr(event.data, "amount_minor", None),
    }
    for acceptance in finding.acceptances:
        if acceptance.event_id == event.event_id:
            told |= _acceptance_to_json(acceptance, taken.get(event.event_id, ()))
    return told


def _acceptance_to_json(acceptance: Acceptance, taken: Iterable[Event]) -> dict[str, object]:
    return {
        "decided": [decision_to_json(event, event.data) for event in taken if isinstance(event.data, Decided)],
        "choices": [decision.value for decision in choices(acceptance, taken)],
        "funded_minor": acceptance.funded_minor,
        "loss_minor": acceptance.loss_minor,
        "credited": "merchant" if acceptance.covered else "held",
    }


def decision_to_json(event: Event, decided: Decided) -> dict[str, object]:
    """What was decided, by whom and when."""
    return {"decision": decided.decision.value, "by": decided.by, "at": event.ordered_at.isoformat()}


def devices_to_json(work: Work) -> list[dict[str, object]]:
    """Every box and where it stands."""
    return [_device_to_json(work, device) for device in devices.devices(work.db)]


def _device_to_json(work: Work, device: Device) -> dict[str, object]:
    presence = devices.presence(work.db, device.device)
    epoch = journal.latest_epoch(work.db, device.device)
    newest = grants.newest(work.db, device.device, epoch) if epoch is not None else None
    return {
        "device": device.device,
        "shop": device.shop,
        "till": device.till,
        "online": presence.online if presence is not None else False,
        "seen_at": presence.at.isoformat() if presence is not None else None,
        "software": presence.software if presence is not None else None,
        "config_version": device.config_version,
        "config_applied": presence.config if presence is not None else None,
        "epoch": epoch,
        "booked_seq": journal.watermark(work.db, device.device, epoch).seq if epoch is not None else 0,
        "grant": newest.grant.grant_id if newest is not None else None,
        "grant_received": newest.received if newest is not None else False,
        "open_authorisations": [str(found) for found in open_of_device(work.db, device.device)],
        "health": presence.health if presence is not None else None,
        "reports": [
            {"subject": subject, "ok": ok, "detail": detail}
            for subject, ok, detail in devices.reports(work.db, device.device)
        ],
    }
