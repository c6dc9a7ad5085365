"""What lies on the counter: the last code each reader read, and what can be done with it.

A new read takes the place of that reader's last one, also when it can't be used: the amount that is typed next must
never go to the card before.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum
from uuid import UUID

from gateway.case import Case, Subject, gather
from gateway.counter import CounterService
from gateway.errors import CounterError
from gateway.outcomes import Outcome
from gateway.words import Problem
from programme.codes import Code
from programme.decide import Facts, Redeem, Refused, decide, pending_minor, spendable_minor, voucher_face
from programme.errors import CodeError, ForeignCode, ForgedCode, UnknownCode
from programme.events import Event
from programme.refusals import AlreadyRedeemed, Cancelled, Expired, Refusal, UnknownInstrument
from programme.rules import RuleSet
from sync.journal import Transaction

_MOST_READERS = 8
"""A till may name any number of readers: the newest reads are kept."""
_NO_ID = UUID(int=0)
DEFINITE = (AlreadyRedeemed, Cancelled, Expired)
"""Known here for good: asking central would change nothing."""


class Action(Enum):
    """What may be done with what is presented."""

    EARN = "earn"
    REDEEM = "redeem"


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """A code that a reader put on the counter.

    Attributes:
        number: Rises with each read; tells presentations apart.
        key: The id of the next operation on it, the same on every screen: two confirmations are one event.
        code: None when it couldn't be understood.
        problem: Then, why.
    """

    number: int
    device: str
    read_at: datetime
    key: UUID
    code: Code | None = None
    problem: CounterError | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """How the last operation ended; it stands over what lay on the counter, until the next read.

    Attributes:
        number: Of the same series as `Placed.number`.
        aside: Another code was read while it was under way: it is told beside that one, and covers nothing.
        outcome: None for a closure.
        event: What is on disk; None for a refusal.
    """

    number: int
    aside: bool = False
    outcome: Outcome | None = None
    event: Event | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Presented:
    """A card or voucher on the counter, as known here and now.

    Attributes:
        face_minor: A voucher's value; None for a card.
        spendable_minor: What a card may spend, as far as booked; None for a voucher.
        pending_minor: Earned at this box and not booked yet.
        refusal: What a redemption would meet without asking central.
        replica_version: Of what is known; None without a replica.
    """

    placed: Placed
    code: Code
    rules: RuleSet
    actions: tuple[Action, ...]
    face_minor: int | None = None
    spendable_minor: int | None = None
    pending_minor: int = 0
    expires_at: datetime | None = None
    refusal: Refusal | None = None
    replica_version: int | None = None


class Desk:
    """The codes that lie on the counter, one per reader, and how the last operation ended."""

    def __init__(
        self,
        *,
        counter: CounterService,
        now: Callable[[], datetime],
        new_id: Callable[[], UUID],
        changed: Callable[[], None],
    ) -> None:
        """Set up.

        Args:
            changed: Called whenever there is something else to see.
        """
        self.result: Result | None = None
        self._counter = counter
        self._now = now
        self._new_id = new_id
        self._changed = changed
        self._placed: dict[str, Placed] = {}
        self._number = 0

    @property
    def latest(self) -> Placed | None:
        """The last read of all readers."""
        return max(self._placed.values(), key=lambda placed: placed.number, default=None)

    @property
    def placed(self) -> list[Placed]:
        """Every reader's last read, the newest first."""
        return sorted(self._placed.values(), key=lambda placed: -placed.number)

    def find(self, number: int, key: UUID) -> Placed:
        """What a screen showed under a number, with its key: numbers begin anew when the box is started again.

        Raises:
            CounterError: It doesn't lie there any more.
        """
        placed = self.with_key(key)
        if placed is None or placed.number != number:
            raise CounterError(Problem.COUNTER_CHANGED)
        return placed

    def with_key(self, key: UUID) -> Placed | None:
        """The code on the counter whose next operation has this key."""
        return next((placed for placed in self._placed.values() if placed.key == key), None)

    def conclude(self, outcome: Outcome, *, since: Placed | None) -> None:
        """Show how an operation ended, once; what it was on takes another key as soon as a row has this one.

        Args:
            since: What it was on, or the last read when it was asked for: another code read later stays to be seen.
        """
        read = self.with_key(outcome.event_id)
        if read is not None and self._counter.ended(read.key, is_same=lambda _: True) is not None:
            self._placed[read.device] = replace(read, key=self._new_id())
        outcome = replace(outcome, repeated=False)
        if self.result is None or self.result.outcome != outcome:  # two screens asked for it: one "no" is enough
            self._show(outcome=outcome, event=outcome.event, aside=self._has_read_another(since))

    def show_closure(self, event: Event) -> None:
        """Show that a day was closed."""
        self._show(event=event)

    def dismiss(self, *, up_to: int | None = None) -> None:
        """Take the last result away.

        Args:
            up_to: Only up to this number: what came later was not seen yet by whoever asks.
        """
        last = self._number if up_to is None else up_to
        if self.result is not None and self.result.number <= last:
            self.result = None
        self._changed()

    def clear(self, *, up_to: int | None = None) -> None:
        """Take everything off the counter, or what came up to a number."""
        last = self._number if up_to is None else up_to
        self._placed = {device: placed for device, placed in self._placed.items() if placed.number > last}
        self.dismiss(up_to=last)

    def place(self, text: str, *, device: str, read_at: datetime | None = None) -> Placed:
        """Put what a reader read on the counter."""
        try:
            return self._put(device, read_at, code=self.resolve(text))
        except CounterError as error:
            return self._put(device, read_at, problem=error)

    def place_garbled(self, *, device: str) -> Placed:
        """A reader read something that is no text."""
        return self._put(device, None, problem=CounterError(Problem.GARBLED_SCAN, device=device))

    def resolve(self, text: str) -> Code:
        """The instrument that a code stands for.

        Raises:
            CounterError: None that is taken here.
        """
        try:
            return self._counter.configured.book.resolve(text)
        except ForeignCode:
            problem = Problem.FOREIGN_CODE
        except UnknownCode:
            problem = Problem.UNKNOWN_CODE
        except ForgedCode:
            problem = Problem.FORGED_CODE
        except CodeError:
            problem = Problem.DAMAGED_CODE
        raise CounterError(problem)

    async def look(self, placed: Placed) -> Presented:
        """What is known now of a code on the counter.

        Raises:
            CounterError: It couldn't be understood, or its programme isn't taken any more.
        """
        if placed.code is None:
            raise placed.problem or CounterError(Problem.NOTHING_PRESENTED)
        code = placed.code
        case = Case(
            command=Redeem(code=code, amount_minor=None),
            event_id=_NO_ID,
            configured=self._counter.configured,
            training=self._counter.training,
        )
        return await self._counter.submit(lambda tx: self._look(tx, case, code, placed))

    def _look(self, tx: Transaction, case: Case, code: Code, placed: Placed) -> Presented:
        facts = gather(case, Subject(programme=code.programme, instrument=code.instrument), tx)
        if facts.rules.voucher is not None:
            decision = decide(case.command, facts, tx.records)
            refusal = decision.refusal if isinstance(decision, Refused) else None
            return self._voucher(facts, code, placed, refusal)
        return self._card(tx, facts, code, placed)

    def _voucher(self, facts: Facts, code: Code, placed: Placed, refusal: Refusal | None) -> Presented:
        may_try = refusal is None or (self._counter.can_ask and not isinstance(refusal, DEFINITE))
        entry = facts.entry
        return Presented(
            placed=placed,
            code=code,
            rules=facts.rules,
            actions=(Action.REDEEM,) if may_try else (),
            face_minor=voucher_face(code, entry),
            expires_at=code.token.expires_at if code.token is not None else entry.expires_at if entry else None,
            refusal=refusal,
            replica_version=facts.replica_version,
        )

    def _card(self, tx: Transaction, facts: Facts, code: Code, placed: Placed) -> Presented:
        known = code.token is not None or facts.entry is not None
        balance_minor = spendable_minor(facts, tx.records)
        may_spend = balance_minor > 0 or self._counter.can_ask
        return Presented(
            placed=placed,
            code=code,
            rules=facts.rules,
            actions=((Action.EARN, Action.REDEEM) if may_spend else (Action.EARN,)) if known else (),
            spendable_minor=balance_minor,
            pending_minor=pending_minor(facts),
            expires_at=code.token.expires_at if code.token is not None else None,
            refusal=None if known else UnknownInstrument(),
            replica_version=facts.replica_version,
        )

    def _put(
        self, device: str, read_at: datetime | None, *, code: Code | None = None, problem: CounterError | None = None
    ) -> Placed:
        self._number += 1
        placed = Placed(
            number=self._number,
            device=device,
            read_at=read_at or self._now(),
            key=self._new_id(),
            code=code,
            problem=problem,
        )
        self._placed[device] = placed
        while len(self._placed) > _MOST_READERS:
            del self._placed[min(self._placed.values(), key=lambda placed: placed.number).device]
        self.dismiss()
        return placed

    def _has_read_another(self, since: Placed | None) -> bool:
        """Whether another code lies there in the open now."""
        latest = self.latest
        if latest is None or (self.result is not None and not self.result.aside):
            return False
        return since is None or (latest.number > since.number and latest.code != since.code)

    def _show(self, *, outcome: Outcome | None = None, event: Event | None = None, aside: bool = False) -> None:
        self._number += 1
        self.result = Result(number=self._number, aside=aside, outcome=outcome, event=event)
        self._changed()
