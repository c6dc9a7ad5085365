"""The desk as the office sees it: one case per card or voucher, with all that is known and what may be decided."""

from __future__ import annotations

from typing import Any, TypeAlias
from uuid import UUID

from central.attention import decision_to_json, desk_to_json
from central.store import devices, events
from central.work import Work
from programme.events import Decided

JSON: TypeAlias = dict[str, Any]

MOST_CASES = 100
"""More don't fit on a page; the terminal's `desk` shows all."""
LATEST_DECISIONS = 10
MOST_CHARACTERS = 2_000
"""Of a row that wasn't understood."""
_ROWS = ("quarantine", "conflicts", "forks", "gaps")


def desk_view(work: Work) -> JSON:
    """Cases to decide, cases to know of, rows set aside, and what was decided lately."""
    told = desk_to_json(work)
    cases = _cases(told["findings"])
    to_decide = [case for case in cases if any(event.get("choices") for event in case["events"])]
    to_know = [case for case in cases if case not in to_decide and not case["settled"]]
    rows = [row for kind in _ROWS for row in _rows(work, kind, told[kind])]
    return {
        "to_decide": to_decide[:MOST_CASES],
        "to_know": to_know[:MOST_CASES],
        "rows": rows[:MOST_CASES],
        "counts": {"to_decide": len(to_decide), "to_know": len(to_know) + len(rows)},
        "decisions": _decisions(work),
    }


def _cases(findings: list[JSON]) -> list[JSON]:
    """One per instrument, the newest first: what the fold found about it belongs together."""
    cases: dict[tuple[str, str], JSON] = {}
    for finding in findings:
        key = finding["programme"], finding["instrument"]
        new = {"programme": key[0], "instrument": key[1], "kinds": [], "events": {}, "settled": True}
        case = cases.setdefault(key, new)
        if finding["kind"] not in case["kinds"]:
            case["kinds"].append(finding["kind"])
        case["settled"] = case["settled"] and finding["settled"]
        for event in finding["events"]:
            # Only a finding about redemptions says how each was judged.
            case["events"][event["event_id"]] = case["events"].get(event["event_id"], {}) | event
    for case in cases.values():
        case["events"] = sorted(case["events"].values(), key=lambda event: (event["at"], event["event_id"]))
        case["loss_minor"] = sum(event.get("loss_minor", 0) for event in case["events"])
    return sorted(cases.values(), key=lambda case: str(case["events"][-1]["at"]), reverse=True)


def _rows(work: Work, kind: str, rows: list[JSON]) -> list[JSON]:
    boxes = {device.device: device.shop for device in devices.devices(work.db)}
    shops = devices.shops(work.db)
    return [
        {
            "kind": kind,
            "shop_name": shops[boxes[row["device"]]].name,
            **row,
            **({"event": row["event"][:MOST_CHARACTERS]} if "event" in row else {}),
        }
        for row in rows
    ]


def _decisions(work: Work) -> list[JSON]:
    taken = events.newest(work.db, LATEST_DECISIONS, kinds=(Decided,))
    about = events.named(work.db, [event.data.target for event in taken if isinstance(event.data, Decided)])
    shops = devices.shops(work.db)
    return [
        decision_to_json(event, event.data) | _target(event.data.target, about, shops)
        for event in taken
        if isinstance(event.data, Decided)
    ]


def _target(target: UUID, about: dict[UUID, Any], shops: dict[str, devices.Shop]) -> JSON:
    data = about[target].data
    shop = shops.get(data.counter.shop)
    return {
        "event_id": str(target),
        "programme": data.programme,
        "amount_minor": data.amount_minor,
        "shop_name": shop.name if shop is not None else data.counter.shop,
    }
