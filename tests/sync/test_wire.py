"""Messages and batches: they come back as they went, and nothing else comes through."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import msgspec
import pytest
import zstandard
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from sync.chain import GENESIS, Row, make_row
from sync.errors import BadSignature, Unreadable
from sync.wire import (
    MAX_BATCH_JSON_BYTES,
    MAX_MESSAGE_BYTES,
    Ack,
    Birth,
    Head,
    Resend,
    RowVerdict,
    Verdict,
    decode_payload,
    encode_batch,
    open_message,
    read_batch,
    read_signed,
    sign_message,
    verify_batch,
)

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
KEYS = {"central-1": KEY.public_key()}
EPOCH = "1-0123456789abcdef"

instants = st.datetimes(datetime(1970, 1, 2), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - bounds
hashes = st.binary(min_size=32, max_size=32).map(bytes.hex)
numbers = st.integers(1, 2**53 - 1)
names = st.text(max_size=30)
acks = st.builds(
    Ack,
    device=names,
    generation=numbers,
    epoch=names,
    seq=numbers,
    hash=hashes,
    time=instants,
    verdicts=st.lists(st.builds(RowVerdict, seq=numbers, verdict=st.sampled_from(Verdict), reason=names)).map(tuple),
    open_authorisations=st.lists(st.uuids()).map(tuple),
    heads=st.dictionaries(names, st.builds(Head, generation=numbers, version=numbers)),
)
events = st.lists(st.text(min_size=1, max_size=300).map(str.encode), min_size=1, max_size=30)


def rows_of(data: list[bytes], *, first_seq: int = 1, previous: bytes = GENESIS) -> list[Row]:
    rows: list[Row] = []
    for seq, event in enumerate(data, start=first_seq):
        rows.append(make_row(epoch=EPOCH, seq=seq, previous=previous, event=event))
        previous = rows[-1].hash
    return rows


@given(acks)
def test_a_message_comes_back_as_it_went(ack: Ack) -> None:
    data = sign_message(ack, context="ack", key_id="central-1", key=KEY)

    assert open_message(data, Ack, context="ack", keys=KEYS) == ack


def ack() -> Ack:
    return Ack(device="box-a", generation=1, epoch=EPOCH, seq=1, hash="0" * 64, time=datetime(2026, 5, 4, tzinfo=UTC))


def test_a_message_of_a_strange_key_or_another_kind_is_refused() -> None:
    data = sign_message(ack(), context="ack", key_id="central-1", key=KEY)

    with pytest.raises(BadSignature, match="unknown key"):
        open_message(data, Ack, context="ack", keys={})
    with pytest.raises(BadSignature, match="wrong signature"):
        open_message(data, Ack, context="grant", keys=KEYS)
    with pytest.raises(BadSignature, match="wrong signature"):
        open_message(data.replace(b"box-a", b"box-b"), Ack, context="ack", keys=KEYS)


def test_a_message_of_the_right_key_and_the_wrong_form_is_unreadable() -> None:
    data = sign_message({"device": "box-a"}, context="ack", key_id="central-1", key=KEY)

    with pytest.raises(Unreadable):
        open_message(data, Ack, context="ack", keys=KEYS)


@pytest.mark.parametrize("data", [b"", b"{}", b"\xff\xfe", b"[" * 100_000, b'{"key":1,"payload":"","signature":""}'])
def test_what_is_no_envelope_is_unreadable(data: bytes) -> None:
    with pytest.raises(Unreadable):
        read_signed(data)


def test_an_envelope_of_excessive_size_is_unreadable() -> None:
    with pytest.raises(Unreadable, match="too large"):
        read_signed(b" " * (MAX_MESSAGE_BYTES + 1))


@pytest.mark.parametrize(
    "change", [{"hash": "0" * 63}, {"time": "2026-05-04T00:00:00"}, {"open_authorisations": ["x"]}, {"seq": "1"}]
)
def test_fields_are_checked_where_they_enter(change: dict[str, object]) -> None:
    whole = msgspec.to_builtins(ack()) | change

    with pytest.raises(Unreadable):
        decode_payload(msgspec.json.encode(whole), Ack)


def test_seqs_begin_at_one() -> None:
    with pytest.raises(Unreadable):
        decode_payload(b'{"device":"a","epoch":"e","first_seq":0,"last_seq":1}', Resend)


def test_a_birth_may_have_no_head() -> None:
    birth = Birth(
        device="box-a", boot=1, software="0", head=None, heads={}, config=1, at=datetime(2026, 5, 4, tzinfo=UTC)
    )
    data = sign_message(birth, context="birth", key_id="box-a", key=KEY)

    assert open_message(data, Birth, context="birth", keys={"box-a": KEY.public_key()}) == birth


@given(events, st.integers(1, 10**6), st.binary(min_size=32, max_size=32))
def test_a_batch_comes_back_as_it_went(data: list[bytes], first_seq: int, previous: bytes) -> None:
    rows = rows_of(data, first_seq=first_seq, previous=previous if first_seq > 1 else GENESIS)

    batch = read_batch(encode_batch("box-a", rows, KEY))

    assert verify_batch(batch, KEY.public_key()) == rows


@given(events, st.data())
def test_a_changed_batch_is_refused(data: list[bytes], draw: st.DataObject) -> None:
    batch = read_batch(encode_batch("box-a", rows_of(data), KEY))
    at = draw.draw(st.integers(0, len(data) - 1))
    rows = list(batch.rows)
    rows[at] += "x"
    forged = [
        replace(batch, rows=tuple(rows)),
        replace(batch, rows=batch.rows[:-1] or ("x",)),
        replace(batch, rows=(*batch.rows, "x")),
        replace(batch, first_seq=2),
        replace(batch, device="box-b"),
        replace(batch, epoch="2-0123456789abcdef"),
        replace(batch, head="0" * 64),
        replace(batch, previous="1" * 64),
    ]
    for other in forged:
        with pytest.raises((BadSignature, Unreadable)):
            verify_batch(other, KEY.public_key())


def test_a_first_row_follows_nothing() -> None:
    rows = rows_of([b"{}"], previous=b"\x01" * 32)

    with pytest.raises(Unreadable, match="signed head"):
        verify_batch(read_batch(encode_batch("box-a", rows, KEY)), KEY.public_key())


@given(events, st.data())
def test_a_garbled_batch_is_unreadable_or_refused(data: list[bytes], draw: st.DataObject) -> None:
    whole = encode_batch("box-a", rows_of(data), KEY)
    cut = draw.draw(st.integers(0, len(whole) - 1))

    with pytest.raises(Unreadable):
        read_batch(whole[:cut])


def test_a_batch_that_unpacks_to_too_much_is_unreadable() -> None:
    bomb = zstandard.compress(b" " * (MAX_BATCH_JSON_BYTES + 1))
    assert len(bomb) < 10_000

    with pytest.raises(Unreadable, match="size"):
        read_batch(bomb)
    with pytest.raises(Unreadable, match="too large"):
        read_batch(bytes(MAX_MESSAGE_BYTES + 1))
    streamed = zstandard.ZstdCompressor(write_content_size=False).compress(b"{}")
    with pytest.raises(Unreadable):
        read_batch(streamed)


def test_bytes_that_are_no_text_are_refused_wherever_they_hide() -> None:
    signed = sign_message(ack(), context="ack", key_id="central-1", key=KEY)

    with pytest.raises(Unreadable, match="UTF-8"):
        open_message(signed[:-1] + b',"x":"\xff"}', Ack, context="ack", keys=KEYS)
