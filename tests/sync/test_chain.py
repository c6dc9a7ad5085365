"""Hashes and signatures: what is covered, and that nothing can be taken for something else."""

from __future__ import annotations

import hashlib

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from sync.chain import GENESIS, b64, check_signature, make_row, row_hash, sign, unb64
from sync.errors import BadSignature

EPOCH = "1-0123456789abcdef"
KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))


def test_a_rows_hash_is_as_written_down() -> None:
    inner = hashlib.sha256(b"{}").digest()
    whole = b"comptoir/row/1\x00" + EPOCH.encode() + b"\x00" + (7).to_bytes(8, "big") + GENESIS + inner

    assert row_hash(epoch=EPOCH, seq=7, previous=GENESIS, event=b"{}") == hashlib.sha256(whole).digest()


@given(st.binary(max_size=200), st.integers(1, 2**63 - 1), st.binary(min_size=32, max_size=32))
def test_a_hash_covers_place_event_and_the_row_before(event: bytes, seq: int, previous: bytes) -> None:
    row = make_row(epoch=EPOCH, seq=seq, previous=previous, event=event)
    flipped = bytes([previous[0] ^ 1]) + previous[1:]
    others = [
        row_hash(epoch="2-0123456789abcdef", seq=seq, previous=previous, event=event),
        row_hash(epoch=EPOCH, seq=seq + 1, previous=previous, event=event),
        row_hash(epoch=EPOCH, seq=seq, previous=flipped, event=event),
        row_hash(epoch=EPOCH, seq=seq, previous=previous, event=event + b" "),
    ]

    assert row.hash not in others
    assert row.link.hash == row.hash.hex()
    assert (row.link.epoch, row.link.seq) == (EPOCH, seq)


@given(st.binary(max_size=200))
def test_a_signature_holds_for_its_message_key_and_kind_alone(message: bytes) -> None:
    public = KEY.public_key()
    signature = sign(KEY, "ack", message)

    check_signature(public, "ack", message, signature)
    for context, changed, key in [
        ("grant", message, public),
        ("ack", message + b"x", public),
        ("ack", message, Ed25519PrivateKey.generate().public_key()),
    ]:
        with pytest.raises(BadSignature):
            check_signature(key, context, changed, signature)


@given(st.binary())
def test_base64url_goes_both_ways(data: bytes) -> None:
    text = b64(data)

    assert unb64(text) == data
    assert not set(text) & set("+/=")


@pytest.mark.parametrize("text", ["é", "a", "ab+/", "ab cd", "a=b="])
def test_what_is_not_base64url_is_no_signature(text: str) -> None:
    with pytest.raises(BadSignature):
        unb64(text)
