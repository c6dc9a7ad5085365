"""The books and their checks: what is owed to whom, and whether every promise about it holds."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from central.store import desk, events, grants, instruments, journal, ledger
from central.work import Work
from programme.events import Earned, Event, InstrumentIssued, Redeemed, Sold, Voided
from programme.fold.books import Account, Books, fold_books, newest
from programme.fold.effects import HOLDERS, Finding, Postings
from programme.registry import RegistryEntry


@dataclass(frozen=True, slots=True, kw_only=True)
class Invariant:
    """One promise, checked.

    Attributes:
        checked: How many things were looked at.
        violations: What doesn't hold, one line each.
    """

    name: str
    checked: int
    violations: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Flows:
    """Where the value of one programme came from and went; issued + sold + earned = outstanding + redeemed + cancelled.

    Attributes:
        issued_minor: Given away by the issuer.
        redeemed_minor: Funded by the instruments, net of voids.
        cancelled_minor: Sales and earns reversed.
        outstanding_minor: What the registry's entries add up to.
    """

    issued_minor: int = 0
    sold_minor: int = 0
    earned_minor: int = 0
    redeemed_minor: int = 0
    cancelled_minor: int = 0
    outstanding_minor: int = 0

    @property
    def missing_minor(self) -> int:
        """Zero when it holds."""
        came = self.issued_minor + self.sold_minor + self.earned_minor
        return came - self.outstanding_minor - self.redeemed_minor - self.cancelled_minor


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit:
    """The books and their checks.

    Attributes:
        open_ceilings_minor: Most that boxes may still accept without asking, by programme.
    """

    balances: Mapping[Account, int]
    flows: Mapping[str, Flows]
    open_ceilings_minor: Mapping[str, int]
    events: int
    entries: int
    invariants: tuple[Invariant, ...]

    @property
    def holds(self) -> bool:
        """Whether every promise does."""
        return not any(invariant.violations for invariant in self.invariants)


def audit(work: Work) -> Audit:
    """Fold every booked event from scratch and compare with what is stored."""
    every = {event.event_id: event for event in events.every_booked(work.db)}
    books = fold_books(every.values(), work.rulebook)
    booked = ledger.every_booked(work.db)
    entries = {
        (programme, entry.instrument): entry
        for programme in work.newest_rules()
        for entry in instruments.every(work.db, programme)
    }
    balances = ledger.balances(work.db)
    flows = {programme: _flows(programme, every, booked, entries) for programme in work.newest_rules()}
    return Audit(
        balances=balances,
        flows=flows,
        open_ceilings_minor=open_ceilings_minor(work),
        events=len(every),
        entries=ledger.count_entries(work.db),
        invariants=(
            _entries_sum_to_zero(work),
            _ledger_equals_fold(balances, books),
            _booked_once(every, booked, books),
            _value_is_conserved(flows),
            _registry_equals_fold(entries, books),
            _findings_equal_fold(desk.findings(work.db), books),
            _rows_have_events(work),
        ),
    )


def _entries_sum_to_zero(work: Work) -> Invariant:
    return Invariant(
        name="every entry sums to zero",
        checked=ledger.count_entries(work.db),
        violations=tuple(f"entry {entry}" for entry in ledger.unbalanced_entries(work.db)),
    )


def _ledger_equals_fold(balances: Mapping[Account, int], books: Books) -> Invariant:
    accounts = sorted(balances.keys() | books.balances.keys())
    violations = [
        f"{'/'.join(account)}: ledger {balances.get(account, 0)}, fold {books.balances.get(account, 0)}"
        for account in accounts
        if balances.get(account, 0) != books.balances.get(account, 0)
    ]
    return Invariant(
        name="the ledger equals the fold from scratch", checked=len(accounts), violations=tuple(violations)
    )


def _booked_once(every: Mapping[UUID, Event], booked: Mapping[UUID, Postings], books: Books) -> Invariant:
    due: dict[UUID, Postings] = {}
    for folded in books.folded.values():
        due |= {event_id: postings for event_id, postings in folded.effects.items() if postings}
    violations = [
        f"event {event_id}: booked {dict(booked.get(event_id, {}))}, due {dict(due.get(event_id, {}))}"
        for event_id in sorted(booked.keys() | due.keys() | every.keys())
        if booked.get(event_id, {}) != due.get(event_id, {})
    ]
    return Invariant(name="each event is booked once", checked=len(every), violations=tuple(violations))


def _value_is_conserved(flows: Mapping[str, Flows]) -> Invariant:
    violations = [
        f"{programme}: {flow.missing_minor} are missing" for programme, flow in flows.items() if flow.missing_minor
    ]
    return Invariant(
        name="issued + sold + earned = outstanding + redeemed + cancelled",
        checked=len(flows),
        violations=tuple(violations),
    )


def _registry_equals_fold(entries: Mapping[tuple[str, str], RegistryEntry], books: Books) -> Invariant:
    due = {key: folded.entry for key, folded in books.folded.items() if folded.entry is not None}
    keys = sorted(entries.keys() | due.keys())
    violations = [
        f"{programme}/{name}"
        for programme, name in keys
        if entries.get((programme, name)) != due.get((programme, name))
    ]
    violations += [f"{'/'.join(key)}: below zero" for key, entry in sorted(entries.items()) if entry.balance_minor < 0]
    return Invariant(
        name="the registry equals the fold, and no balance is below zero",
        checked=len(keys),
        violations=tuple(violations),
    )


def _findings_equal_fold(stored: list[tuple[str, Finding]], books: Books) -> Invariant:
    due = [(key[0], finding) for key, folded in books.folded.items() for finding in folded.findings]
    unequal = {repr(found) for found in stored} ^ {repr(found) for found in due}
    violations = tuple(f"{len(unequal)} differ" for _ in range(min(1, len(unequal))))
    return Invariant(name="the desk's findings equal the fold's", checked=len(due), violations=violations)


def _rows_have_events(work: Work) -> Invariant:
    return Invariant(
        name="no acknowledged row lost its event",
        checked=journal.count_rows(work.db),
        violations=tuple(journal.rows_without_event(work.db)),
    )


def _flows(
    programme: str,
    every: Mapping[UUID, Event],
    booked: Mapping[UUID, Postings],
    entries: Mapping[tuple[str, str], RegistryEntry],
) -> Flows:
    sums: dict[str, int] = defaultdict(int)
    for event_id, postings in booked.items():
        data = every[event_id].data if event_id in every else None
        if getattr(data, "programme", None) != programme:
            continue
        holders_minor = postings.get(HOLDERS, 0)
        voided = every.get(data.target) if isinstance(data, Voided) else None
        match data:
            case InstrumentIssued():
                sums["issued"] += holders_minor
            case Sold():
                sums["sold"] += holders_minor
            case Earned():
                sums["earned"] += holders_minor
            case Redeemed():
                sums["redeemed"] -= holders_minor
            case Voided() if voided is not None and isinstance(voided.data, Redeemed):
                sums["redeemed"] -= holders_minor
            case Voided():
                sums["cancelled"] -= holders_minor
    return Flows(
        issued_minor=sums["issued"],
        sold_minor=sums["sold"],
        earned_minor=sums["earned"],
        redeemed_minor=sums["redeemed"],
        cancelled_minor=sums["cancelled"],
        outstanding_minor=sum(entry.balance_minor for key, entry in entries.items() if key[0] == programme),
    )


def open_ceilings_minor(work: Work) -> dict[str, int]:
    """An unresolved stand-in can cost at most this.

    A grant past its end counts, too: what was accepted under it in time may still come. Only the row that names its
    successor says that all of it has.
    """
    ceilings: dict[str, int] = defaultdict(int)
    for grant in grants.open_ones(work.db):
        for programme, allowance in grant.allowances.items():
            ceilings[programme] += allowance.ceiling_minor
    return dict(ceilings)


def audit_to_json(result: Audit, work: Work) -> dict[str, object]:
    """The audit as one JSON object."""
    return {
        "books_balance": result.holds,
        "events": result.events,
        "entries": result.entries,
        "balances": [
            {"programme": programme, "currency": currency, "account": account, "balance_minor": balance_minor}
            for (programme, currency, account), balance_minor in sorted(result.balances.items())
        ],
        "flows": {
            programme: {"currency": newest(work.rulebook, programme).currency_code, **_flow_to_json(flow)}
            for programme, flow in result.flows.items()
        },
        "open_ceilings_minor": dict(result.open_ceilings_minor),
        "invariants": [
            {"name": invariant.name, "checked": invariant.checked, "violations": list(invariant.violations)}
            for invariant in result.invariants
        ],
    }


def _flow_to_json(flow: Flows) -> dict[str, int]:
    return {name: getattr(flow, name) for name in Flows.__slots__}
