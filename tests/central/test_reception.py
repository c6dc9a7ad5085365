"""Rows that come many at a time are judged as if each had come alone."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from central.ingest import ingest
from central.reception import Reception
from central.store import devices
from central.store.schema import (
    ABANDONMENTS,
    AUTHORISATIONS,
    CONFLICTS,
    EPOCHS,
    EVENTS,
    FORKS,
    QUARANTINE,
    ROWS,
)
from programme.events import Earned, EpochReason, Redeemed
from sync.chain import Row
from sync.wire import RowVerdict, Verdict
from tests.central.test_books import what_is_told
from tests.central.world import CARD, NOON, VOUCHER, Box, Centre

KINDS = ("earn", "spend", "take", "void", "again", "otherwise", "garbage", "late", "strange", "abandon")
FORK = "2-00000000000000ff"


class OneByOne(Reception):
    """Reads what a row is judged by for each row anew, and writes each at once."""

    def take(self, row: Row) -> RowVerdict | None:
        alone = Reception(self._work, self._device, [row])
        verdict = alone.take(row)
        alone.write()
        return verdict

    def take_fork(self, row: Row) -> None:
        Reception(self._work, self._device, [row]).take_fork(row)


@dataclass(frozen=True, slots=True)
class Line:
    """A row of some kind; the number chooses among what there is."""

    kind: str
    number: int


LINES = st.lists(st.builds(Line, st.sampled_from(KINDS), st.integers(1, 999)), min_size=1, max_size=16)


def write(box: Box, lines: Sequence[Line], cards: Sequence[str], voucher: str, asked: UUID) -> None:
    """Journal rows as no honest box would, among honest ones."""
    for line in lines:
        done = [event for event in box.events if isinstance(event.data, Earned | Redeemed)]
        chosen = done[line.number % len(done)] if done else None
        match line.kind:
            case "earn":
                box.earned(cards[line.number % 2], line.number)
            case "spend":
                used = {event.event_id for event in box.events}
                box.redeemed(CARD, cards[line.number % 2], line.number, event_id=None if asked in used else asked)
            case "take":
                # A voucher is taken for its face value, or not at all.
                box.redeemed(VOUCHER, voucher, 2_000 if line.number % 2 else 1_999)
            case "void" if chosen is not None:
                box.voided(chosen)
            case "again" if chosen is not None:
                box.append(chosen)
            case "otherwise" if chosen is not None:
                later = timedelta(minutes=line.number % 3)
                box.append(replace(chosen, occurred_at=NOON - later, ordered_at=chosen.ordered_at + later))
            case "garbage":
                box.append_bytes(b"%d" % line.number)
            case "late" if chosen is not None:
                box.earned(cards[0], line.number)
                box.rows.pop()
                box.append(replace(box.events.pop(), ordered_at=chosen.ordered_at))
            case "strange" if chosen is not None and isinstance(chosen.data, Earned | Redeemed):
                evidence = replace(chosen.data.evidence, rules_version=99)
                box.append(box.event(replace(chosen.data, evidence=evidence)))
            case "abandon":
                box.abandoned(asked)


def fork(box: Box, lines: Sequence[Line], at: int, cards: Sequence[str], voucher: str, asked: UUID) -> list[Row]:
    """The box was put back to a row of its past, went on from there, noticed, and copied what only it had."""
    first_branch, box.rows = box.rows, box.rows[:at]
    write(box, lines, cards, voucher, asked)
    other_branch = box.rows
    box.open_epoch(FORK, first_branch[at - 1].link, EpochReason.FORK)
    for row in other_branch[at:]:
        box.append_bytes(row.event)
    write(box, lines[:3], cards, voucher, asked)
    copies, box.rows = box.rows, first_branch
    return [*other_branch[at:], *copies]


def parts(rows: Sequence[Row], cuts: Iterable[int]) -> list[list[Row]]:
    """Consecutive rows of one epoch, cut where it was drawn and where a batch must end."""
    ends = sorted({cut % len(rows) for cut in cuts} | {len(rows)} | _breaks(rows))
    return [list(rows[start:end]) for start, end in zip([0, *ends], ends, strict=False) if start < end]


def _breaks(rows: Sequence[Row]) -> set[int]:
    return {place for place in range(1, len(rows)) if rows[place].previous != rows[place - 1].hash}


def receive(centre: Centre, batches: Iterable[list[Row]]) -> list[object]:
    """What the box was told of each batch."""
    told: list[object] = []
    for rows in batches:
        with centre.workshop.write() as work:
            device = devices.find(work.db, "box-a")
            assert device is not None
            done = ingest(work, device, rows)
        told.append((done.ack.seq, done.ack.hash, done.ack.verdicts, done.ack.open_authorisations, done.resend))
    return told


def stored(centre: Centre) -> dict[str, list[str]]:
    """Everything that is stored of boxes' rows."""
    tables = (EVENTS, ROWS, EPOCHS, QUARANTINE, CONFLICTS, FORKS, ABANDONMENTS, AUTHORISATIONS)
    with centre.store.read() as db:
        return {table.name: sorted(repr(row) for row in db.execute(select(table))) for table in tables}


def lived(centre: Centre, lines: Sequence[Line], others: Sequence[Line], at: int) -> tuple[list[Row], list[Row]]:
    """A box's rows, and those of its fork; central approved one of its asks."""
    box = centre.box("box-a", "a")
    cards, (voucher,) = [centre.card(), centre.card()], centre.vouchers(box)
    box.earned(cards[0], 900)
    centre.batch(box)
    asked = centre.ask(box, box.ask(CARD, cards[0], 100)).ask.authorisation
    write(box, lines, cards, voucher, asked)
    forked = fork(box, others, 1 + at % len(box.rows), cards, voucher, asked)
    return box.rows, forked


def check(centre: Centre, other: Centre, batches: list[list[Row]], patch: pytest.MonkeyPatch) -> None:
    together = receive(centre, batches)
    patch.setattr("central.ingest.Reception", OneByOne)
    alone = receive(other, batches)

    assert together == alone
    assert stored(centre) == stored(other)
    assert what_is_told(centre) == what_is_told(other)


@settings(max_examples=40, deadline=None)
@given(lines=LINES, others=LINES, at=st.integers(0, 99), data=st.data())
def test_rows_of_a_batch_are_judged_as_if_each_came_alone(
    founded_in_folder: Centre, lines: list[Line], others: list[Line], at: int, data: st.DataObject
) -> None:
    """Duplicates, other bytes under a known id, rows of no meaning, forks, copies, gaps and repeats."""
    with TemporaryDirectory() as folder, contextlib.ExitStack() as opened:
        centre = opened.enter_context(contextlib.closing(founded_in_folder.again(Path(folder) / "one")))
        rows, forked = lived(centre, lines, others, at)
        other = opened.enter_context(contextlib.closing(centre.copy(Path(folder) / "two")))
        cuts = st.lists(st.integers(0, 99), max_size=5)
        batches = parts(rows, data.draw(cuts)) + parts(forked, data.draw(cuts))
        order = data.draw(st.lists(st.sampled_from(range(len(batches))), max_size=6))
        with pytest.MonkeyPatch.context() as patch:
            check(centre, other, [*(batches[place] for place in order), *batches], patch)


def test_it_is_so_on_either_database(centre: Centre, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = [Line(kind, number) for number in (3, 8) for kind in KINDS]
    rows, forked = lived(centre, lines, lines[::-1], 7)
    batches = [*parts(rows, [9]), *parts(forked, [4]), rows]
    with contextlib.closing(centre.copy(tmp_path / "other")) as other:
        reopened = Centre(centre.folder, databases=centre.databases, clock=centre.clock, ids=centre.ids)
        check(reopened, other, batches, monkeypatch)
        waiting = stored(other)
    reopened.store.close()

    assert all(waiting[table.name] for table in (QUARANTINE, CONFLICTS, FORKS, ABANDONMENTS))


def test_a_row_in_quarantine_leaves_it_with_its_copy_in_another_epoch(centre: Centre, box_a: Box) -> None:
    early = box_a.event(box_a.redemption(CARD, centre.card(), 100))
    box_a.earned(centre.card(), 100)
    box_a.append(early)
    assert [verdict.verdict for verdict in centre.batch(box_a).ack.verdicts] == [Verdict.QUARANTINED]
    row = box_a.rows[-1]

    box_a.open_epoch(FORK, box_a.rows[0].link)
    box_a.append(early)
    centre.batch(box_a)

    with centre.store.read() as db:
        assert db.execute(select(QUARANTINE)).all() == []
        query = select(ROWS.c.event_id).where(ROWS.c.epoch == row.epoch, ROWS.c.seq == row.seq)
        assert db.execute(query).scalar_one() == str(early.event_id)
