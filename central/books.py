"""Incremental booking: new events refold what they touch, and the difference to the ledger is booked.

What an event touches: the instrument it names; the instruments of redemptions whose cover changed with it, because it
was accepted under a grant, voids what was, or is the answer, the grant itself, or the row that ended it. The result
always equals `programme.fold.books.fold_books` over all booked events, whatever their order.

While batches queue up, received events are put off; the books are then those of the others, and grow by some of the
rest at a time (docs/adr/0013). Nothing here reads what is put off.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from uuid import UUID

from sqlalchemy import Connection

from central.store import desk, events, grants, instruments, ledger, unbooked
from central.work import Work, Workshop
from programme.events import AuthorisationAnswered, Event, GrantIssued, GrantReceived, Redeemed, Voided
from programme.fold.books import InstrumentKey, fold_instrument, instrument_of, newest
from programme.fold.cover import covered_by_answer, covered_by_decision, covered_by_grant, ending_row
from programme.fold.effects import Folded, add, inverse
from programme.grants import read_signed_grant
from programme.registry import InstrumentStatus, RegistryEntry

GrantKey = tuple[str, str]
"""Device and grant id."""

AT_ONCE = 300
"""Events, or instruments, booked in one transaction: a few tens of milliseconds, and a delta that fits a message."""


def book(work: Work) -> None:
    """Book the events that this transaction has stored."""
    stored, work.stored = work.stored, []
    _book(work, stored)


def put_off(work: Work) -> int:
    """Note the events that this transaction has stored, to be booked later; returns how many."""
    stored, work.stored = work.stored, []
    unbooked.add(work.db, stored)
    return len(stored)


def book_instrument(work: Work, key: InstrumentKey) -> int:
    """Book what was put off of one instrument, for who is about to read its balance; returns how much that was."""
    taken = unbooked.take_of(work.db, [key])
    _book(work, taken)
    return len(taken)


def book_some(work: Work) -> list[Event]:
    """Book some of what was put off: as much as an ask can wait for; returns what was booked, nothing at the end."""
    taken = unbooked.take_first(work.db, AT_ONCE)
    _book(work, taken)
    return taken


def book_all(workshop: Workshop) -> None:
    """Book all that was put off, in short transactions; for who reads the books beside the server or without it."""
    with workshop.read() as work:
        waiting = unbooked.count(work.db) > 0
    while waiting:
        with workshop.write() as work:
            waiting = bool(book_some(work))


def _book(work: Work, stored: Collection[Event]) -> None:
    if not stored:
        return
    touched = _touched(work.db, stored)
    named = events.of_instruments(work.db, touched)
    covered = _covered(work.db, [event for found in named.values() for event in found])
    folded = {key: fold_instrument(key, found, work.rulebook, covered) for key, found in named.items()}
    _post(work, named, folded)
    _register(work, folded)
    desk.replace_findings(work.db, {key: books.findings for key, books in folded.items()})


def grant_spent_minor(db: Connection, device: str, grant_id: str) -> dict[str, int]:
    """What was accepted under a grant and not voided, by programme, all branches of a fork together."""
    redemptions = events.under_grant(db, device, grant_id)
    voided = events.voided(db, redemptions)
    spent: dict[str, int] = defaultdict(int)
    for event in redemptions:
        data = event.data
        if isinstance(data, Redeemed) and event.event_id not in voided and not data.counter.training:
            spent[data.programme] += data.amount_minor
    return dict(spent)


def _touched(db: Connection, stored: Collection[Event]) -> set[InstrumentKey]:
    answered = {event.data.authorisation for event in stored if isinstance(event.data, AuthorisationAnswered)}
    naming = [*stored, *events.named(db, answered).values()]
    touched = {key for event in naming if (key := instrument_of(event.data)) is not None}
    new = {event.event_id for event in stored}
    issued = {_granted(event.data) for event in stored if isinstance(event.data, GrantIssued)}
    for key in _touched_grants(db, stored) | _ended_early(db, stored) | issued:
        touched |= _newly_covered_or_not(db, key, new=new, is_new=key in issued)
    return touched


def _granted(issued: GrantIssued) -> GrantKey:
    return issued.device, f"{issued.epoch}/{issued.number}"


def _touched_grants(db: Connection, stored: Iterable[Event]) -> set[GrantKey]:
    """Grants under which something was accepted or voided."""
    targets = [event.data.target for event in stored if isinstance(event.data, Voided)]
    every = [*stored, *events.named(db, targets).values()]
    return {key for event in every if (key := _grant_of(event)) is not None}


def _ended_early(db: Connection, stored: Iterable[Event]) -> set[GrantKey]:
    """Grants under which something is ordered after a row that may have ended them."""
    return {
        (event.source, used)
        for event in stored
        if isinstance(event.data, GrantReceived)
        for used in events.grants_used_since(
            db, event.source, read_signed_grant(event.data.signed).epoch, since=event.ordered_at
        )
    }


def _grant_of(event: Event) -> GrantKey | None:
    if isinstance(event.data, Redeemed) and event.data.evidence.grant is not None:
        return event.source, event.data.evidence.grant
    return None


def _newly_covered_or_not(db: Connection, key: GrantKey, *, new: set[UUID], is_new: bool) -> set[InstrumentKey]:
    """The instruments of the redemptions whose cover by this grant the new events changed."""
    grant = grants.find(db, *key)
    if grant is None:
        return set()
    every, received = _under_grant(db, key), events.received_grants(db, grant.device, grant.epoch)
    before = [] if is_new else _without(every, new)
    ended_before = ending_row(grant, _without(received, new))
    covered = covered_by_grant(grant, every, ended_by=ending_row(grant, received))
    changed = covered ^ covered_by_grant(grant, before, ended_by=ended_before)
    named = (instrument_of(event.data) for event in every if event.event_id in changed)
    return {instrument for instrument in named if instrument is not None}


def _under_grant(db: Connection, key: GrantKey) -> list[Event]:
    redemptions = events.under_grant(db, *key)
    return [*redemptions, *events.all_voids(db, [event.event_id for event in redemptions])]


def _without(every: Iterable[Event], new: set[UUID]) -> list[Event]:
    return [event for event in every if event.event_id not in new]


def _covered(db: Connection, named: Iterable[Event]) -> set[UUID]:
    """The redemptions among these events that an answer, a grant or a decision covers."""
    redemptions = {event.event_id: event for event in named if isinstance(event.data, Redeemed)}
    covered: set[UUID] = set()
    for answer in events.answers_to(db, redemptions):
        assert isinstance(answer.data, AuthorisationAnswered)
        redemption = redemptions[answer.data.authorisation]
        if covered_by_answer(redemption, [answer.data]):
            covered.add(redemption.event_id)
    for key in {key for event in redemptions.values() if (key := _grant_of(event)) is not None}:
        grant = grants.find(db, *key)
        if grant is not None:
            ended_by = ending_row(grant, events.received_grants(db, grant.device, grant.epoch))
            covered |= covered_by_grant(grant, _under_grant(db, key), ended_by=ended_by)
    return covered | covered_by_decision(events.decisions_on(db, redemptions))


def _post(work: Work, named: dict[InstrumentKey, list[Event]], folded: dict[InstrumentKey, Folded]) -> None:
    held = ledger.booked_of(work.db, named)
    entries = []
    for key, found in named.items():
        currency = newest(work.rulebook, key[0]).currency_code
        for event in sorted(found, key=lambda event: event.order):
            due = folded[key].effects.get(event.event_id, {})
            difference = add(due, inverse(held.get(event.event_id, {})))
            if difference:
                entries.append(
                    ledger.Entry(event_id=event.event_id, programme=key[0], currency=currency, postings=difference)
                )
    ledger.write(work.db, entries, at=work.now)


def _register(work: Work, folded: dict[InstrumentKey, Folded]) -> None:
    """Write the entries that changed, all of a programme at its next version."""
    known = instruments.entries(work.db, folded)
    changed: dict[str, list[RegistryEntry]] = defaultdict(list)
    for key, books in folded.items():
        if books.entry is not None and books.entry != known.get(key):
            changed[key[0]].append(books.entry)
    for programme, entries in changed.items():
        version = instruments.raise_head(work.db, programme)
        instruments.put(work.db, programme, entries, version=version)
        if newest(work.rulebook, programme).voucher is not None:
            for to_sell in (True, False):
                theirs = [
                    entry.instrument for entry in entries if (entry.status is InstrumentStatus.CONSIGNED) == to_sell
                ]
                grants.note_to_sell(work.db, programme, theirs, to_sell=to_sell)
