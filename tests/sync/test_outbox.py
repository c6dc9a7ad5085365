"""Whatever the link loses, repeats or breaks: every row arrives, little is in flight, and nobody is flooded."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from programme.events import EpochReason
from sync.backoff import Backoff
from sync.journal import AckOutcome
from sync.outbox import (
    BATCH_BYTES,
    WINDOW_BATCHES,
    WINDOW_BYTES,
    Acked,
    BatchFailed,
    BatchSent,
    Command,
    EpochBegun,
    LinkDown,
    LinkUp,
    OpenEpoch,
    Outbox,
    ResendAsked,
    RowsAppended,
    SendBatch,
    Tick,
    WakeAt,
)

ROW_BYTES = 1_000


def outbox(head_seq: int = 0, watermark_seq: int = 0) -> Outbox:
    """One whose time-outs are 10, 20, 40 s…"""
    time_out = Backoff(first_s=10, cap_s=80, random=lambda: 1.0)
    return Outbox(head_seq=head_seq, watermark_seq=watermark_seq, time_out=time_out)


def sends(commands: list[Command]) -> list[SendBatch]:
    return [command for command in commands if isinstance(command, SendBatch)]


def test_it_waits_for_the_link() -> None:
    box = outbox(head_seq=3)

    assert box.handle(RowsAppended(head_seq=4), now_s=0) == []
    assert box.handle(LinkUp(), now_s=1) == [SendBatch(first_seq=1, last_seq=4)]


def test_one_row_goes_at_once_and_its_ack_ends_the_wait() -> None:
    box = outbox()
    assert box.handle(LinkUp(), now_s=0) == []

    assert box.handle(RowsAppended(head_seq=1), now_s=1) == [SendBatch(first_seq=1, last_seq=1)]
    assert box.handle(BatchSent(last_seq=1, size_bytes=ROW_BYTES), now_s=1) == [WakeAt(at_s=11)]
    assert box.in_flight_bytes == ROW_BYTES
    assert box.handle(Acked(outcome=AckOutcome.ADVANCED, watermark_seq=1), now_s=2) == [WakeAt(at_s=None)]
    assert box.in_flight_bytes == 0


def test_a_back_log_goes_a_window_at_a_time() -> None:
    box = outbox(head_seq=10_000)
    commands = box.handle(LinkUp(), now_s=0)
    sent = 0
    while sends(commands):
        sent += 1
        commands = box.handle(BatchSent(last_seq=sent * 160, size_bytes=BATCH_BYTES), now_s=0)
    assert sent == WINDOW_BATCHES
    assert box.in_flight_bytes == WINDOW_BYTES

    commands = box.handle(Acked(outcome=AckOutcome.ADVANCED, watermark_seq=160), now_s=1)

    assert sends(commands) == [SendBatch(first_seq=641, last_seq=10_000)]
    assert box.in_flight_bytes == WINDOW_BYTES - BATCH_BYTES
    assert commands[-1] == WakeAt(at_s=11)  # the wait for the others begins afresh


def test_few_batches_are_out_however_small() -> None:
    box = outbox()
    box.handle(LinkUp(), now_s=0)
    for seq in range(1, WINDOW_BATCHES + 1):
        assert sends(box.handle(RowsAppended(head_seq=seq), now_s=0)) == [SendBatch(first_seq=seq, last_seq=seq)]
        box.handle(BatchSent(last_seq=seq, size_bytes=1), now_s=0)

    assert sends(box.handle(RowsAppended(head_seq=WINDOW_BATCHES + 1), now_s=0)) == []


def test_without_an_ack_rows_go_again_later_and_later() -> None:
    box = outbox(head_seq=1)
    box.handle(LinkUp(), now_s=0)
    at_s, waits = 0.0, []
    for _ in range(5):
        commands = box.handle(BatchSent(last_seq=1, size_bytes=ROW_BYTES), now_s=at_s)
        (wake,) = (command for command in commands if isinstance(command, WakeAt) and command.at_s is not None)
        assert wake.at_s is not None
        assert sends(box.handle(Tick(), now_s=wake.at_s - 0.1)) == []
        assert sends(box.handle(Tick(), now_s=wake.at_s)) == [SendBatch(first_seq=1, last_seq=1)]
        waits.append(wake.at_s - at_s)
        at_s = wake.at_s

    assert waits == [10, 20, 40, 80, 80]


def test_unacknowledged_rows_go_again_at_each_connect() -> None:
    box = outbox(head_seq=5)
    box.handle(LinkUp(), now_s=0)
    box.handle(BatchSent(last_seq=5, size_bytes=ROW_BYTES), now_s=0)
    box.handle(Acked(outcome=AckOutcome.ADVANCED, watermark_seq=2), now_s=1)

    assert box.handle(LinkDown(), now_s=2) == [WakeAt(at_s=None)]
    assert sends(box.handle(LinkUp(), now_s=3)) == [SendBatch(first_seq=3, last_seq=5)]


def test_a_report_on_a_batch_of_an_earlier_connection_counts_for_nothing() -> None:
    box = outbox(head_seq=5)
    box.handle(LinkUp(), now_s=0)
    box.handle(LinkDown(), now_s=0)
    assert sends(box.handle(LinkUp(), now_s=0)) == []  # the first one isn't reported yet

    commands = box.handle(BatchSent(last_seq=5, size_bytes=ROW_BYTES), now_s=0)

    assert sends(commands) == [SendBatch(first_seq=1, last_seq=5)]
    assert box.in_flight_bytes == 0


def test_a_failed_batch_waits_for_its_time() -> None:
    box = outbox(head_seq=1)
    box.handle(LinkUp(), now_s=0)

    assert box.handle(BatchFailed(), now_s=0) == [WakeAt(at_s=10)]
    assert box.handle(RowsAppended(head_seq=2), now_s=1) == []
    assert sends(box.handle(Tick(), now_s=10)) == [SendBatch(first_seq=1, last_seq=2)]


def test_a_watermark_that_goes_back_is_obeyed() -> None:
    box = outbox(head_seq=9, watermark_seq=9)
    box.handle(LinkUp(), now_s=0)

    commands = box.handle(Acked(outcome=AckOutcome.ADVANCED, watermark_seq=4), now_s=1)

    assert sends(commands) == [SendBatch(first_seq=5, last_seq=9)]


def test_a_stale_ack_does_not_hurry_anything() -> None:
    box = outbox(head_seq=2)
    box.handle(LinkUp(), now_s=0)
    box.handle(BatchSent(last_seq=2, size_bytes=ROW_BYTES), now_s=0)

    assert box.handle(Acked(outcome=AckOutcome.STALE, watermark_seq=0), now_s=1) == []


def test_a_fork_stops_sending_until_the_new_epoch() -> None:
    box = outbox(head_seq=9, watermark_seq=3)
    box.handle(LinkUp(), now_s=0)
    box.handle(BatchSent(last_seq=9, size_bytes=ROW_BYTES), now_s=0)

    commands = box.handle(Acked(outcome=AckOutcome.FORKED, watermark_seq=3), now_s=1)
    assert commands == [OpenEpoch(reason=EpochReason.FORK), WakeAt(at_s=None)]
    assert box.handle(Acked(outcome=AckOutcome.FORKED, watermark_seq=3), now_s=2) == []
    assert box.handle(RowsAppended(head_seq=10), now_s=2) == []

    assert sends(box.handle(EpochBegun(head_seq=8), now_s=3)) == [SendBatch(first_seq=1, last_seq=8)]


@pytest.mark.parametrize("epoch", [None, "1-0123456789abcdef"])
def test_a_range_goes_again_when_asked_once(epoch: str | None) -> None:
    box = outbox(head_seq=9, watermark_seq=9)
    box.handle(LinkUp(), now_s=0)
    asked = ResendAsked(first_seq=2, last_seq=5, epoch=epoch)

    commands = box.handle(asked, now_s=1)
    assert commands == [SendBatch(first_seq=2, last_seq=5, epoch=epoch)]
    commands = box.handle(BatchSent(last_seq=3, size_bytes=ROW_BYTES), now_s=1)
    assert sends(commands) == [SendBatch(first_seq=4, last_seq=5, epoch=epoch)]
    assert sends(box.handle(BatchSent(last_seq=5, size_bytes=ROW_BYTES), now_s=1)) == []
    assert box.handle(asked, now_s=2) == []
    assert box.handle(Acked(outcome=AckOutcome.STALE, watermark_seq=9), now_s=3) == [WakeAt(at_s=None)]


def test_unreadable_rows_go_one_by_one() -> None:
    box = outbox(head_seq=3)
    box.handle(LinkUp(), now_s=0)
    box.handle(BatchSent(last_seq=3, size_bytes=ROW_BYTES), now_s=0)

    commands = box.handle(ResendAsked(first_seq=1, last_seq=3, one_by_one=True), now_s=1)
    sent = []
    while sends(commands):
        sent += sends(commands)
        commands = box.handle(BatchSent(last_seq=sent[-1].last_seq, size_bytes=ROW_BYTES), now_s=1)

    assert [(batch.first_seq, batch.last_seq) for batch in sent] == [(1, 1), (2, 2), (3, 3)]


def test_rows_that_the_journal_lacks_are_passed_over() -> None:
    box = outbox(head_seq=3, watermark_seq=3)
    box.handle(LinkUp(), now_s=0)
    box.handle(ResendAsked(first_seq=1, last_seq=10**9, epoch="1-0123456789abcdef"), now_s=0)

    assert box.handle(BatchSent(last_seq=1, size_bytes=0), now_s=0) == []
    assert box.handle(ResendAsked(first_seq=7, last_seq=9), now_s=0) == []


@dataclass
class World:
    """A box, a link that does as the schedule says, and central, which books and acknowledges."""

    random: Random
    head_seq: int = 0
    now_s: float = 0.0
    up: bool = False
    wake_at_s: float | None = None
    reports: deque[SendBatch] = field(default_factory=deque)
    to_central: list[tuple[int, int]] = field(default_factory=list)
    to_box: list[Acked | ResendAsked] = field(default_factory=list)
    booked: set[int] = field(default_factory=set)
    watermark: int = 0
    known_watermark: int = 0
    sent_at_s: list[float] = field(default_factory=list)
    sent: int = 0

    def __post_init__(self) -> None:
        time_out = Backoff(first_s=10, cap_s=60, random=self.random.random)
        self.box = Outbox(head_seq=0, watermark_seq=0, time_out=time_out)

    def tell(self, event: object) -> None:
        for command in self.box.handle(event, now_s=self.now_s):  # type: ignore[arg-type]
            match command:
                case SendBatch():
                    self.reports.append(command)
                case WakeAt(at_s=at_s):
                    self.wake_at_s = at_s
                case OpenEpoch():
                    raise AssertionError("nothing forked")
        assert len(self.reports) <= 1
        assert self.box.in_flight_bytes <= WINDOW_BYTES + ROW_BYTES

    def append(self) -> None:
        self.head_seq += self.random.randint(1, 300)
        self.tell(RowsAppended(head_seq=self.head_seq))

    def connect(self) -> None:
        if not self.up:
            self.up = True
            self.tell(LinkUp())

    def disconnect(self) -> None:
        if self.up:
            self.up = False
            self.to_central.clear()
            self.to_box.clear()
            self.tell(LinkDown())

    def send(self) -> None:
        """Carry out the waiting command."""
        if not self.reports:
            return
        command = self.reports.popleft()
        self.sent += 1
        if not self.up or self.random.random() < 0.1:
            self.tell(BatchFailed())
            return
        assert 1 <= command.first_seq <= command.last_seq <= self.head_seq
        count = min(command.last_seq - command.first_seq + 1, max(1, command.max_bytes // ROW_BYTES))
        last_seq = command.first_seq + count - 1
        self.to_central.append((command.first_seq, last_seq))
        self.tell(BatchSent(last_seq=last_seq, size_bytes=count * ROW_BYTES))

    def lose(self) -> None:
        if self.to_central:
            del self.to_central[self.random.randrange(len(self.to_central))]

    def lose_answer(self) -> None:
        if self.to_box:
            del self.to_box[self.random.randrange(len(self.to_box))]

    def repeat(self) -> None:
        self.to_central += self.to_central[:1]
        self.to_box += self.to_box[:1]

    def garble(self) -> None:
        if self.to_central:
            self.to_central.pop(0)
            asked = ResendAsked(first_seq=self.watermark + 1, last_seq=self.watermark + 50, one_by_one=True)
            self.to_box += [asked, Acked(outcome=AckOutcome.STALE, watermark_seq=self.watermark)]

    def arrive(self) -> None:
        """Central takes a batch, not always the first."""
        if not self.to_central:
            return
        first, last = self.to_central.pop(self.random.randrange(min(2, len(self.to_central))))
        self.booked |= set(range(first, last + 1))
        while self.watermark + 1 in self.booked:
            self.watermark += 1
        if first > self.watermark + 1:
            self.to_box.append(ResendAsked(first_seq=self.watermark + 1, last_seq=first - 1))
        self.to_box.append(Acked(outcome=AckOutcome.ADVANCED, watermark_seq=self.watermark))

    def answer(self) -> None:
        """The box's journal takes an answer."""
        if not self.to_box:
            return
        message = self.to_box.pop(self.random.randrange(min(2, len(self.to_box))))
        if isinstance(message, Acked):
            advanced = message.watermark_seq > self.known_watermark
            self.known_watermark = max(self.known_watermark, message.watermark_seq)
            outcome = AckOutcome.ADVANCED if advanced else AckOutcome.STALE
            message = Acked(outcome=outcome, watermark_seq=self.known_watermark)
        self.tell(message)

    def wait(self) -> None:
        self.now_s += self.random.uniform(0, 30)
        if self.wake_at_s is not None and self.now_s >= self.wake_at_s:
            self.tell(Tick())

    def settle(self) -> None:
        """From now on the link works: all that is waiting happens, and then time passes."""
        self.connect()
        for _ in range(20_000):
            if self.reports or self.to_central or self.to_box:
                for step in (self.send, self.arrive, self.answer):
                    step()
            elif self.wake_at_s is not None:
                self.now_s = max(self.now_s, self.wake_at_s)
                self.tell(Tick())
            else:
                return
        raise AssertionError("it never comes to rest")


SEEDS = st.integers(0, 2**32)
STEPS: list[Callable[[World], None]] = [
    World.append,
    World.connect,
    World.disconnect,
    World.send,
    World.lose,
    World.lose_answer,
    World.repeat,
    World.garble,
    World.arrive,
    World.answer,
    World.wait,
]
LIVELY = [*STEPS, World.append, World.connect, World.send, World.send, World.send, World.arrive, World.answer]


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sampled_from(LIVELY), max_size=80), SEEDS)
def test_every_schedule_ends_with_every_row_acknowledged(steps: list[Callable[[World], None]], seed: int) -> None:
    world = World(random=Random(seed))
    world.append()
    for step in steps:
        step(world)

    world.settle()

    assert world.known_watermark == world.head_seq
    assert world.booked == set(range(1, world.head_seq + 1))
    assert world.box.in_flight_bytes == 0
    assert world.wake_at_s is None


@settings(max_examples=50, deadline=None)
@given(SEEDS)
def test_a_central_that_never_answers_is_not_flooded(seed: int) -> None:
    world = World(random=Random(seed))
    world.head_seq = 10_000
    world.tell(RowsAppended(head_seq=10_000))
    world.connect()
    while world.now_s < 3_600:
        while world.reports:
            world.send()
        world.to_central.clear()
        assert world.wake_at_s is not None
        world.now_s = world.wake_at_s
        world.tell(Tick())

    # Once a minute at most, at least half of that between two; a window each, and a few while the time-out grew.
    assert world.sent <= (3_600 / 30 + 6) * (WINDOW_BATCHES + 1)


@settings(max_examples=50, deadline=None)
@given(SEEDS)
def test_a_central_that_reads_nothing_is_not_flooded(seed: int) -> None:
    """It answers every batch at once by asking for the same rows again."""
    world = World(random=Random(seed))
    world.head_seq = 1_000
    world.tell(RowsAppended(head_seq=1_000))
    world.connect()
    while world.now_s < 3_600:
        while world.reports or world.to_central or world.to_box:
            world.send()
            world.garble()
            world.answer()
        assert world.wake_at_s is not None
        world.now_s = world.wake_at_s
        world.tell(Tick())

    assert world.sent <= (3_600 / 30 + 6) * (50 + 2 * WINDOW_BATCHES)
