"""What each programme owes, lost and holds back, as the ledger says now."""

from __future__ import annotations

from typing import Any, TypeAlias

from central.audit import open_ceilings_minor
from central.store import ledger
from central.work import Work
from programme.fold.effects import HOLDERS, LOSS, held
from programme.rules import RuleSet

JSON: TypeAlias = dict[str, Any]

_HELD = held("")
_UNCHECKED: JSON = {"holds": None, "checked_at": None, "events": None, "entries": None, "promises": [], "flows": {}}


def books_to_json(work: Work, verdict: JSON | None) -> JSON:
    """The newest verdict about the books, and the figures of each programme.

    Where the value came from and went is as old as the verdict, which finds it out.
    """
    told = verdict or _UNCHECKED
    sums = _sums(work)
    ceilings_minor = open_ceilings_minor(work)
    return told | {
        "programmes": [
            {
                "programme": programme,
                **programme_to_json(rules),
                **told["flows"].get(programme, {}),
                "outstanding_minor": sums.get((programme, HOLDERS), 0),
                "loss_minor": -sums.get((programme, LOSS), 0),
                "held_minor": sums.get((programme, _HELD), 0),
                "may_be_accepted_minor": ceilings_minor.get(programme, 0),
            }
            for programme, rules in work.newest_rules().items()
        ]
    }


def programme_to_json(rules: RuleSet) -> JSON:
    """What a programme is called, and its currency."""
    return {"name": {"fr": rules.name_fr, "en": rules.name_en}, "currency": rules.currency_code}


def _sums(work: Work) -> dict[tuple[str, str], int]:
    """By programme and account; what waits for a person in all shops together."""
    sums: dict[tuple[str, str], int] = {}
    for (programme, _, account), balance_minor in ledger.balances(work.db).items():
        key = programme, _HELD if account.startswith(_HELD) else account
        sums[key] = sums.get(key, 0) + balance_minor
    return sums
