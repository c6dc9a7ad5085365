"""Two shops that are answered in time never both spend the same value, whatever they ask, repeat or give up."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from central.attention import desk_to_json
from sync.wire import AskMessage
from tests.central.world import CARD, VOUCHER, Box, Centre


@dataclass(frozen=True, slots=True)
class Step:
    """What a shop does next; the number chooses among its asks, or an amount."""

    who: int
    kind: str
    number: int


STEPS = st.lists(
    st.builds(
        Step,
        st.integers(0, 1),
        st.sampled_from(["ask card", "ask voucher", "repeat", "spend", "abandon", "deliver"]),
        st.integers(1, 900),
    ),
    max_size=30,
)


class Shops:
    """Two boxes that only do what central approved."""

    def __init__(self, centre: Centre) -> None:
        self.centre = centre
        self.boxes = [centre.box("box-a", "a"), centre.box("box-b", "b")]
        self.card = centre.card()
        (self.voucher,) = centre.vouchers(self.boxes[0])
        self.boxes[0].earned(self.card, 1_000)
        self.boxes[0].sold(self.voucher)
        for box in self.boxes:
            centre.batch(box)
        self.open: list[list[AskMessage]] = [[], []]

    def take(self, step: Step) -> None:
        box, mine = self.boxes[step.who], self.open[step.who]
        match step.kind:
            case "ask card":
                self._ask(box, mine, box.ask(CARD, self.card, step.number))
            case "ask voucher":
                self._ask(box, mine, box.ask(VOUCHER, self.voucher, 2_000))
            case "deliver":
                self.centre.batch(box)
            case "repeat" if mine:
                assert self.centre.ask(box, mine[step.number % len(mine)]).approved
            case "spend" if mine:
                ask = mine.pop(step.number % len(mine)).ask
                box.redeemed(ask.programme, ask.instrument, ask.amount_minor, event_id=ask.authorisation)
            case "abandon" if mine:
                box.abandoned(mine.pop(step.number % len(mine)).ask.authorisation)

    def _ask(self, box: Box, mine: list[AskMessage], message: AskMessage) -> None:
        if self.centre.ask(box, message).approved:
            mine.append(message)


def spend_all(centre: Centre, steps: list[Step]) -> list[str]:
    """Let both shops do all this; tells the kinds of what the desk then has to look at."""
    shops = Shops(centre)
    for step in steps:
        shops.take(step)
    for box in shops.boxes:
        centre.batch(box)
    assert centre.balances().get("loss", 0) <= 0
    with centre.workshop.read() as work:
        return [finding["kind"] for finding in desk_to_json(work)["findings"]]


@settings(max_examples=40, deadline=None)
@given(STEPS)
def test_what_was_approved_is_always_funded(founded_in_folder: Centre, steps: list[Step]) -> None:
    with TemporaryDirectory() as folder, contextlib.closing(founded_in_folder.again(Path(folder) / "centre")) as centre:
        assert spend_all(centre, steps) == []


def test_without_reservations_it_would_not_be(centre: Centre, monkeypatch: pytest.MonkeyPatch) -> None:
    """A planted bug: nothing is kept free for what was approved."""
    monkeypatch.setattr("central.store.authorisations.reserved_minor", lambda *_: 0)

    both = [Step(who, kind, 1) for kind in ("ask voucher", "spend") for who in (0, 1)]

    assert spend_all(centre, both) == ["double_acceptance"]
