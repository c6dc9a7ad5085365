"""The desk as the office sees it: one case per card or voucher, with all that is known and what may be decided."""

from __future__ import annotations

from typing import Any, TypeAlias
from uuid import UUID

from central.attention import decision_to_json, desk_to_json
from central.store import desk, devices, events
from central.web.figures import programme_to_json
from central.work import Work
from programme.events import OPERATIONS, Decided, DeskDecision, Event
from programme.rules import RuleSet

JSON: TypeAlias = dict[str, Any]

MOST_CASES = 100
"""More don't fit on a page; the terminal's `desk` shows all."""
LATEST_DECISIONS = 10
MOST_CHARACTERS = 2_000
"""Of a row that wasn't understood."""
SEEN = DeskDecision.ACKNOWLEDGE.value
_ROWS = ("quarantine", "conflicts", "forks", "gaps")


def desk_view(work: Work) -> JSON:
    """Cases to decide, cases to know of, rows set aside, and what was decided lately."""
    told = desk_to_json(work, most=MOST_CASES)
    rules = work.newest_rules()
    cases = [
        case | programme_to_json(rules[case["programme"]]) for case in _cases(told["findings"]) if not case["settled"]
    ]
    to_decide = [case for case in cases if any(event["choices"] for event in case["events"])]
    to_know = [case for case in cases if case not in to_decide]
    rows = [row for kind in _ROWS for row in _rows(work, kind, told[kind])]
    count = len(to_know) + desk.count_set_aside(work.db) + len(told["gaps"])
    return {
        "to_decide": to_decide[:MOST_CASES],
        "to_know": to_know[:MOST_CASES],
        "rows": rows[:MOST_CASES],
        "counts": {"to_decide": len(to_decide), "to_know": count},
        "decisions": _decisions(work),
    }


def _cases(findings: list[JSON]) -> list[JSON]:
    """One per instrument, the newest first: what the fold found about it belongs together.

    What there is only to be seen is listed apart from the choices, for it is seen all at once.
    """
    cases: dict[tuple[str, str], JSON] = {}
    for finding in findings:
        key = finding["programme"], finding["instrument"]
        new = {"programme": key[0], "instrument": key[1], "kinds": [], "events": {}, "settled": True, "to_see": []}
        case = cases.setdefault(key, new)
        if finding["kind"] not in case["kinds"]:
            case["kinds"].append(finding["kind"])
        case["settled"] = case["settled"] and finding["settled"]
        for event in finding["events"]:
            _add_event(case, event)
    for case in cases.values():
        case["events"] = sorted(case["events"].values(), key=lambda event: (event["at"], event["event_id"]))
        case["loss_minor"] = sum(event.get("loss_minor", 0) for event in case["events"])
    return sorted(cases.values(), key=lambda case: str(case["events"][-1]["at"]), reverse=True)


def _add_event(case: JSON, event: JSON) -> None:
    """Join what another finding says of an event: only one about redemptions says how each was judged."""
    event_id = event["event_id"]
    known = case["events"].get(event_id, {"choices": []})
    choices = [choice for choice in event["choices"] if choice != SEEN]
    case["events"][event_id] = known | event | {"choices": known["choices"] or choices}
    if SEEN in event["choices"] and event_id not in case["to_see"]:
        case["to_see"].append(event_id)


def _rows(work: Work, kind: str, rows: list[JSON]) -> list[JSON]:
    """Rows with their shop; those of one kind that follow each other and hold nothing to read are told together."""
    boxes = {device.device: device.shop for device in devices.devices(work.db)}
    shops = devices.shops(work.db)
    told: list[JSON] = []
    for row in rows:
        new = {"kind": kind, "shop_name": shops[boxes[row["device"]]].name, **row} | _extent(row)
        if "event" in row:
            new["event"] = row["event"][:MOST_CHARACTERS]
        elif told and _follows(told[-1], new):
            told[-1] |= {"last_seq": new["last_seq"], "ids": told[-1]["ids"] + new["ids"]}
            continue
        told.append(new)
    return told


def _extent(row: JSON) -> JSON:
    """Its first and last seq, and the ids by which it is said to be seen; a gap has none, and goes by itself."""
    if "seq" not in row:
        return {"ids": []}
    return {"first_seq": row["seq"], "last_seq": row["seq"], "ids": [row["row"]]}


def _follows(before: JSON, row: JSON) -> bool:
    same = all(before[name] == row[name] for name in ("device", "epoch"))
    return same and before["last_seq"] <= row["first_seq"] <= before["last_seq"] + 1


def _decisions(work: Work) -> list[JSON]:
    taken = desk.decisions(work.db, LATEST_DECISIONS)
    about = events.named(work.db, [event.data.target for event in taken if isinstance(event.data, Decided)])
    shops, rules = devices.shops(work.db), work.newest_rules()
    return [
        decision_to_json(event) | _target(event.data, about, shops, rules)
        for event in taken
        if isinstance(event.data, Decided)
    ]


def _target(
    decided: Decided, about: dict[UUID, Event], shops: dict[str, devices.Shop], rules: dict[str, RuleSet]
) -> JSON:
    """What a decision is about; of a row that was set aside the page says no more than that."""
    told: JSON = {"target": str(decided.target), "programme": decided.programme}
    if decided.target not in about or decided.programme is None:
        return told | {"amount_minor": None, "shop_name": None}
    told |= programme_to_json(rules[decided.programme])
    data = about[decided.target].data
    assert isinstance(data, OPERATIONS)
    shop = shops.get(data.counter.shop)
    return told | {"amount_minor": data.amount_minor, "shop_name": shop.name if shop is not None else data.counter.shop}
