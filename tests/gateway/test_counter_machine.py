"""The counter under any sequence of operations, answers, silences, repeats, restarts and closures."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path
from uuid import UUID

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from uuid_utils.compat import uuid7

from gateway.closing import close_day, days_to_close
from gateway.outcomes import Outcome
from programme.cloudevents import decode_event
from programme.decide import Command, Earn, Redeem, Sell, Void
from programme.events import AuthorisationAbandoned, Earned, Event, Redeemed, Voided
from programme.refusals import ReservedElsewhere
from programme.registry import InstrumentStatus
from sync.journal import Transaction
from sync.journal.verify import verify
from tests.gateway.world import CARD, VOUCHER, Box

CEILING_MINOR = 3_000
FLOOR_MINOR = 2_000
SERIALS = st.integers(1, 3)
AMOUNTS = st.integers(1, 2_500)


class CounterMachine(RuleBasedStateMachine):
    """Central approves, refuses, is silent or away; whatever happens, the promises of the journal hold."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.box = Box(Path(self.folder.name))
        self.box.give_grant(101, 102, ceiling_minor=CEILING_MINOR)
        self.box.knows_card(1, 5_000)
        self.box.knows_voucher(7, InstrumentStatus.ACTIVE)
        self.ends: dict[UUID, tuple[Command, Outcome]] = {}

    def teardown(self) -> None:
        verify(self.box.path, keys={})
        self.box.stop()
        self.folder.cleanup()

    def operate(self, command: Command) -> None:
        key = uuid7()
        self.ends[key] = (command, asyncio.run(self.box.counter.operate(command, key)))

    @rule(choice=st.sampled_from(["approves", "refuses", "silent", "away"]))
    def central(self, choice: str) -> None:
        match choice:
            case "approves":
                self.box.central.approve()
            case "refuses":
                self.box.central.refuse(ReservedElsewhere())
            case "silent":
                self.box.central.stay_silent()
            case "away":
                self.box.central.can_ask = False

    @rule(serial=SERIALS, basket_minor=AMOUNTS)
    def earn(self, serial: int, basket_minor: int) -> None:
        self.operate(Earn(code=self.box.desk.resolve(self.box.central.card(serial)), basket_minor=basket_minor))

    @rule(serial=SERIALS, amount_minor=AMOUNTS)
    def spend(self, serial: int, amount_minor: int) -> None:
        self.operate(Redeem(code=self.box.desk.resolve(self.box.central.card(serial)), amount_minor=amount_minor))

    @rule(serial=st.sampled_from([7, 101, 102]))
    def use(self, serial: int) -> None:
        self.operate(Redeem(code=self.box.desk.resolve(self.box.central.token(serial))))

    @rule()
    def sell(self) -> None:
        self.operate(Sell(programme=VOUCHER, face_minor=2_000))

    @rule(data=st.data())
    def void(self, data: st.DataObject) -> None:
        if self.ends:
            self.operate(Void(target=data.draw(st.sampled_from(sorted(self.ends)))))

    @rule(data=st.data())
    def repeat(self, data: st.DataObject) -> None:
        recorded = [key for key, (_, outcome) in self.ends.items() if outcome.event is not None]
        if recorded:
            key = data.draw(st.sampled_from(sorted(recorded)))
            command, first = self.ends[key]
            rows_before = len(self.box.rows())
            again = asyncio.run(self.box.counter.operate(command, key))
            assert (again.event, again.repeated) == (first.event, True)
            assert len(self.box.rows()) == rows_before

    @rule()
    def restart(self) -> None:
        self.box.restart()

    @rule()
    def close_days(self) -> None:
        key = self.box.key

        def close(tx: Transaction) -> None:
            today = self.box.configured.business_day(tx.now())
            for day in days_to_close(tx.records, up_to=today):
                close_day(tx, day=day, key=key, new_id=uuid7)

        self.box.journal.submit(close).result()

    @invariant()
    def every_ask_ends_in_exactly_one_row(self) -> None:
        ends = [
            event.data.authorisation if isinstance(event.data, AuthorisationAbandoned) else event.event_id
            for event in self.events()
        ]
        assert len(ends) == len(set(ends))
        assert {ask.authorisation for ask in self.box.central.asked} <= set(ends)

    @invariant()
    def stand_ins_stay_within_the_grant(self) -> None:
        stand_ins = self.standing_stand_ins()
        for programme in (CARD, VOUCHER):
            amounts = [data.amount_minor for data in stand_ins if data.programme == programme]
            assert sum(amounts) <= CEILING_MINOR
        cards = [data for data in stand_ins if data.programme == CARD]
        assert all(data.amount_minor <= FLOOR_MINOR for data in cards)
        instruments = [data.instrument for data in stand_ins]
        assert len(instruments) == len(set(instruments)), "one stand-in per card, and per voucher"

    @invariant()
    def earns_are_never_lost(self) -> None:
        answered = {key for key, (command, outcome) in self.ends.items() if isinstance(command, Earn) and outcome.event}
        assert answered == {event.event_id for event in self.events() if isinstance(event.data, Earned)}

    def events(self) -> list[Event]:
        head = self.box.journal.head
        assert head is not None
        return [decode_event(row.event) for row in self.box.journal.rows(1, head.seq, 1 << 30)]

    def standing_stand_ins(self) -> list[Redeemed]:
        events = self.events()
        voided = {event.data.target for event in events if isinstance(event.data, Voided)}
        return [
            event.data
            for event in events
            if isinstance(event.data, Redeemed) and event.data.evidence.grant and event.event_id not in voided
        ]


CounterMachine.TestCase.settings = settings(
    max_examples=40, stateful_step_count=30, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
TestCounterMachine = CounterMachine.TestCase
