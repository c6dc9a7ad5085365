"""The books, the desk and the boxes as text for a terminal."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeAlias

from central.audit import Audit
from programme.money import CURRENCIES, format_amount

Told: TypeAlias = dict[str, list[dict[str, Any]]]


def show_books(result: Audit) -> str:
    """Balances by programme and account, then each promise."""
    return "\n".join(_book_lines(result)) + "\n"


def _book_lines(result: Audit) -> Iterator[str]:
    last = None
    for (programme, currency, account), balance_minor in sorted(result.balances.items()):
        if programme != last:
            yield programme
            last = programme
        amount = format_amount(balance_minor, CURRENCIES[currency], language="en")
        yield f"  {account:<40} {amount:>16}"
    for programme, ceiling_minor in sorted(result.open_ceilings_minor.items()):
        yield f"{programme}: boxes may accept {_amount(ceiling_minor)} at most without asking"
    yield f"{result.events} events, {result.entries} entries"
    for invariant in result.invariants:
        verdict = "holds" if not invariant.violations else f"BROKEN {len(invariant.violations)} times"
        yield f"{invariant.name}: {verdict} ({invariant.checked} checked)"
        for violation in invariant.violations[:10]:
            yield f"  {violation}"


def show_desk(told: Told) -> str:
    """One paragraph per thing that waits."""
    return "\n".join(_desk_lines(told)) + "\n"


def _desk_lines(told: Told) -> Iterator[str]:
    findings = [finding for finding in told["findings"] if not finding["settled"]]
    if not findings and not any(told[kind] for kind in told if kind != "findings"):
        yield "nothing waits"
    for finding in findings:
        yield (
            f"{finding['kind']}: {finding['programme']} {finding['instrument']}, "
            f"{_amount(finding['funded_minor'])} funded, {_amount(finding['loss_minor'])} lost"
        )
        for event in finding["events"]:
            yield from _event_lines(event)
    for fork in told["forks"]:
        yield f"fork: {fork['device']} {fork['epoch']}/{fork['seq']}, received {fork['at']}"
        yield _to_decide(fork["row"], "acknowledge")
    for row in told["quarantine"]:
        held = f"; holds {row['authorisation']} open" if row["authorisation"] is not None else ""
        yield f"quarantine: {row['device']} {row['epoch']}/{row['seq']}, {row['reason']}{held}"
        yield _to_decide(row["row"], "acknowledge")
    for row in told["conflicts"]:
        yield f"conflict: {row['device']} {row['epoch']}/{row['seq']}, event {row['event_id']} has other bytes"
        yield _to_decide(row["row"], "acknowledge")
    for row in told["gaps"]:
        yield f"gap: {row['device']} {row['epoch']}/{row['first_seq']}-{row['last_seq']} haven't come"


def _event_lines(event: dict[str, Any]) -> Iterator[str]:
    credited = f", credited to {event['credited']}" if "credited" in event else ""
    yield f"  {event['at']} {event['shop_name']} ({event['device']}): {_amount(event['amount_minor'])}{credited}"
    for taken in event["decided"]:
        yield f"    {taken['by']} decided {taken['decision']}, {taken['at']}"
    if event["choices"]:
        loss = f" --loss {_amount(event['loss_minor'])}" if event.get("loss_minor") else ""
        yield "  " + _to_decide(event["event_id"], "|".join(event["choices"])) + loss


def _to_decide(target: str, choices: str) -> str:
    return f"  decide: comptoir-central desk decide {target} {choices}"


def show_devices(told: list[dict[str, Any]]) -> str:
    """One line per box."""
    lines = [
        f"{device['device']:<20} {device['shop']:<20} {'there' if device['online'] else 'gone':<6} "
        f"{device['epoch'] or '-'}/{device['booked_seq']}"
        for device in told
    ]
    return "\n".join(lines or ["no boxes"]) + "\n"


def _amount(amount_minor: int | None) -> str:
    return "-" if amount_minor is None else format_amount(amount_minor, language="en")
