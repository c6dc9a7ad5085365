"""The whole books from the whole set of events: what the incremental fold must always equal."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import TypeAlias
from uuid import UUID

from programme.events import (
    AuthorisationAnswered,
    Decided,
    Event,
    EventData,
    GrantIssued,
    GrantReceived,
    InstrumentIssued,
    Operation,
    Redeemed,
    Voided,
)
from programme.fold.card import fold_card
from programme.fold.cover import covered_by_answer, covered_by_decision, covered_by_grant, ending_row
from programme.fold.effects import Folded
from programme.fold.voucher import fold_voucher
from programme.grants import read_signed_grant
from programme.rules import LoyaltyCard, RuleSet

Rulebook: TypeAlias = Mapping[tuple[str, int], RuleSet]
"""Rule sets by programme id and version."""

Account: TypeAlias = tuple[str, str, str]
"""Programme, currency, account."""


InstrumentKey: TypeAlias = tuple[str, str]
"""Programme id and instrument reference."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Books:
    """Every instrument folded.

    Attributes:
        folded: By programme and instrument.
        balances: Minor units by account; zero balances are absent.
    """

    folded: Mapping[InstrumentKey, Folded]
    balances: Mapping[Account, int]


def fold_books(events: Iterable[Event], rulebook: Rulebook) -> Books:
    """Fold a set of events from scratch; order and duplicates don't matter.

    Raises:
        KeyError: An event names a rule set that isn't in the rulebook.
    """
    by_id = {event.event_id: event for event in events}
    covered = _covered(by_id.values())
    instruments: dict[InstrumentKey, list[Event]] = defaultdict(list)
    for event in by_id.values():
        key = instrument_of(event.data)
        if key is not None:
            instruments[key].append(event)
    folded = {key: fold_instrument(key, named, rulebook, covered) for key, named in instruments.items()}
    return Books(folded=folded, balances=_balances(folded, rulebook))


def fold_instrument(
    key: InstrumentKey, events: Collection[Event], rulebook: Rulebook, covered: Collection[UUID]
) -> Folded:
    """Fold one instrument by its programme's kind.

    Args:
        key: Its programme and reference.
        events: All events that name it, in any order.
        rulebook: Every version that they name.
        covered: Redemptions that an answer, a grant or a decision covers, and `declined` ones.
    """
    programme, instrument = key
    if newest(rulebook, programme).voucher is not None:
        return fold_voucher(instrument, events, covered=covered)

    def loyalty(version: int) -> LoyaltyCard:
        card = rulebook[programme, version].loyalty
        assert card is not None
        return card

    return fold_card(instrument, events, loyalty=loyalty, covered=covered)


def newest(rulebook: Rulebook, programme: str) -> RuleSet:
    """The latest version of a programme's rules.

    Raises:
        KeyError: The rulebook doesn't hold the programme.
    """
    versions = [version for name, version in rulebook if name == programme]
    if not versions:
        raise KeyError(programme)
    return rulebook[programme, max(versions)]


def instrument_of(data: EventData) -> InstrumentKey | None:
    """The instrument whose books an event touches."""
    if isinstance(data, Decided):
        return None if data.programme is None or data.instrument is None else (data.programme, data.instrument)
    return (data.programme, data.instrument) if isinstance(data, InstrumentIssued | Operation) else None


def _covered(events: Collection[Event]) -> frozenset[UUID]:
    answers: dict[UUID, list[AuthorisationAnswered]] = defaultdict(list)
    named: dict[tuple[str, str], list[Event]] = defaultdict(list)
    for event in events:
        if isinstance(event.data, AuthorisationAnswered):
            answers[event.data.authorisation].append(event.data)
        elif isinstance(event.data, Redeemed) and event.data.evidence.grant is not None:
            named[event.source, event.data.evidence.grant].append(event)
    voids = [event for event in events if isinstance(event.data, Voided)]
    received = [event for event in events if isinstance(event.data, GrantReceived)]
    covered = {event.event_id for event in events if covered_by_answer(event, answers.get(event.event_id, ()))}
    covered |= covered_by_decision(events)
    for event in events:
        if isinstance(event.data, GrantIssued):
            grant = read_signed_grant(event.data.signed)
            stand_ins = named[grant.device, grant.grant_id]
            targets = {stand_in.event_id for stand_in in stand_ins}
            theirs = [void for void in voids if isinstance(void.data, Voided) and void.data.target in targets]
            ended_by = ending_row(grant, received)
            covered |= covered_by_grant(grant, [*stand_ins, *theirs], ended_by=ended_by)
    return frozenset(covered)


def _balances(folded: Mapping[InstrumentKey, Folded], rulebook: Rulebook) -> dict[Account, int]:
    balances: dict[Account, int] = defaultdict(int)
    for (programme, _), books in folded.items():
        currency = newest(rulebook, programme).currency_code
        for postings in books.effects.values():
            for account, amount_minor in postings.items():
                balances[programme, currency, account] += amount_minor
    return {account: amount_minor for account, amount_minor in balances.items() if amount_minor}
