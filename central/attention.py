"""What waits for a person, with what the person needs to settle it."""

from __future__ import annotations

from typing import Any

from central.deciding import NEEDS_A_PERSON, Taken, choices_in, taken_on
from central.store import desk, devices, events, grants, journal
from central.store.authorisations import open_of_device
from central.store.devices import Device, Presence, Shop
from central.work import Work
from programme.events import Decided, Event
from programme.fold.effects import Acceptance, Finding


def desk_to_json(work: Work, *, most: int | None = None) -> dict[str, list[dict[str, Any]]]:
    """Findings, settled ones as well; forks, quarantined rows and conflicts that nobody has seen; gaps.

    Args:
        most: Of each kind of row; all without it.
    """
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
                "settled": not any(choices_in(finding, event_id, taken) for event_id in finding.events),
                "events": [_event_to_json(named[event_id], finding, shops, taken) for event_id in finding.events],
            }
            for programme, finding in found
        ],
        "forks": desk.forks(work.db, most),
        "quarantine": desk.quarantined(work.db, most),
        "conflicts": desk.conflicts(work.db, most),
        "gaps": journal.gaps(work.db),
    }


def _event_to_json(event: Event, finding: Finding, shops: dict[str, Shop], taken: Taken) -> dict[str, object]:
    counter = getattr(event.data, "counter", None)
    shop = shops.get(counter.shop) if counter is not None else None
    decisions = [decided for decided in taken.get(event.event_id, ()) if isinstance(decided.data, Decided)]
    told: dict[str, object] = {
        "event_id": str(event.event_id),
        "type": event.type,
        "device": event.source,
        "shop": shop.shop if shop is not None else None,
        "shop_name": shop.name if shop is not None else None,
        "at": event.ordered_at.isoformat(),
        "amount_minor": getattr(event.data, "amount_minor", None),
        "decided": [decision_to_json(decided) for decided in decisions],
        "choices": [decision.value for decision in choices_in(finding, event.event_id, taken)],
    }
    for acceptance in finding.acceptances:
        if acceptance.event_id == event.event_id:
            told |= _acceptance_to_json(acceptance)
    return told


def _acceptance_to_json(acceptance: Acceptance) -> dict[str, object]:
    return {
        "funded_minor": acceptance.funded_minor,
        "loss_minor": acceptance.loss_minor,
        "credited": "merchant" if acceptance.covered else "held",
    }


def decision_to_json(event: Event) -> dict[str, object]:
    """What was decided, by whom and when."""
    decided = event.data
    assert isinstance(decided, Decided)
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
        "head": _head_to_json(presence),
        "grant": newest.grant.grant_id if newest is not None else None,
        "grant_received": newest.received if newest is not None else False,
        "open_authorisations": [str(found) for found in open_of_device(work.db, device.device)],
        "health": presence.health if presence is not None else None,
        "reports": [
            {"subject": subject, "ok": ok, "detail": detail}
            for subject, ok, detail in devices.reports(work.db, device.device)
        ],
    }


def _head_to_json(presence: Presence | None) -> dict[str, object] | None:
    """The last row of its journal, as a box said at its birth."""
    if presence is None or presence.head_epoch is None:
        return None
    return {"epoch": presence.head_epoch, "seq": presence.head_seq}
