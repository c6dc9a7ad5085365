from __future__ import annotations

import string
from datetime import UTC, datetime
from typing import Any

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from programme.canonical import Instant, canonical_bytes, from_bytes
from programme.errors import NotUnderstood

LARGEST = 2**53 - 1
values = st.recursive(
    st.none() | st.booleans() | st.integers(-LARGEST, LARGEST) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(string.printable), inner),
)


@given(values)
def test_our_json_is_rfc_8785_s(value: Any) -> None:  # noqa: ANN401 - JSON
    assert canonical_bytes(value) == rfc8785.dumps(value)


def test_every_character_is_written_as_rfc_8785_says() -> None:
    every = "".join(chr(code) for code in range(0x11_0000) if not 0xD800 <= code <= 0xDFFF)
    assert canonical_bytes(every) == rfc8785.dumps(every)


def test_a_naive_datetime_is_refused_where_it_enters() -> None:
    assert from_bytes('"2026-11-24T12:00:00Z"', Instant) == datetime(2026, 11, 24, 12, tzinfo=UTC)
    with pytest.raises(NotUnderstood):
        from_bytes('"2026-11-24T12:00:00"', Instant)


@given(st.binary(max_size=200))
def test_hostile_bytes_are_not_understood_and_nothing_else(data: bytes) -> None:
    try:
        from_bytes(data, dict[str, str])
    except NotUnderstood:
        return
    assert data.strip()[:1] == b"{"
