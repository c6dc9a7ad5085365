from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from programme.cloudevents import decode_event, encode_event
from programme.errors import NotUnderstood
from programme.events import EVENT_TYPES, AbandonReason, AuthorisationAbandoned
from tests.programme.worlds import (
    approved,
    card_issued,
    earned,
    event,
    event_id,
    grant,
    grant_issued,
    sold,
    spent,
    voided,
)

EXAMPLES = [
    earned(118),
    spent(50),
    sold(),
    voided(1, 50),
    card_issued(),
    grant_issued(grant()),
    approved(3, 50),
    AuthorisationAbandoned(authorisation=event_id(3), reason=AbandonReason.REFUSED, answer="…"),
]


@pytest.mark.parametrize("data", EXAMPLES, ids=lambda data: type(data).__name__)
def test_events_come_back_whole_and_their_bytes_are_canonical(data: Any) -> None:  # noqa: ANN401
    recorded = event(7, data)
    encoded = encode_event(recorded)

    assert decode_event(encoded) == recorded
    assert encode_event(decode_event(encoded)) == encoded
    assert (
        encoded == json.dumps(json.loads(encoded), sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    )


def test_the_form_is_cloudevents_1_0() -> None:
    cloud = json.loads(encode_event(event(7, earned(118))))
    assert {name: cloud[name] for name in ("specversion", "id", "source", "type", "datacontenttype")} == {
        "specversion": "1.0",
        "id": str(event_id(7)),
        "source": "box-a",
        "type": "comptoir.earned.v1",
        "datacontenttype": "application/json",
    }


def test_an_event_holds_no_place_in_a_journal() -> None:
    cloud = json.loads(encode_event(event(7, earned(118))))
    assert not {"epoch", "seq", "hash", "previous"} & (cloud.keys() | cloud["data"].keys())


@pytest.mark.parametrize(
    "change",
    [
        {"type": "comptoir.teleported.v1"},
        {"specversion": "2.0"},
        {"id": "not a uuid"},
        {"orderedat": "2026-11-24T12:00:00"},
        {"clockstate": "fine"},
        {"data": {}},
        {"data": None},
    ],
)
def test_what_is_not_understood_is_said_so(change: dict[str, Any]) -> None:
    cloud = json.loads(encode_event(event(7, earned(118)))) | change
    with pytest.raises(NotUnderstood):
        decode_event(json.dumps(cloud))


@pytest.mark.parametrize("amount_minor", [0, -1, 100_000_001, 1.5, "118", True, None])
def test_an_amount_is_a_positive_bounded_integer_wherever_it_enters(amount_minor: Any) -> None:  # noqa: ANN401
    cloud = json.loads(encode_event(event(7, earned(118))))
    cloud["data"]["amount_minor"] = amount_minor
    with pytest.raises(NotUnderstood):
        decode_event(json.dumps(cloud))


@given(st.binary(max_size=400))
def test_hostile_bytes_are_not_understood_and_nothing_else(data: bytes) -> None:
    with pytest.raises(NotUnderstood):
        decode_event(data)


def test_canonical_order_is_time_then_source_then_id() -> None:
    first = event(2, earned(1), minute=1)
    later = event(1, earned(1), minute=2)
    other = event(1, earned(1), source="box-b", minute=1)
    twin = replace(first, event_id=event_id(3))
    assert sorted([later, other, twin, first], key=lambda item: item.order) == [first, twin, other, later]
    assert first.ordered_at + timedelta(minutes=1) == later.ordered_at


def test_every_event_type_is_named_and_versioned() -> None:
    assert all(name.startswith("comptoir.") and name.endswith(".v1") for name in EVENT_TYPES)
