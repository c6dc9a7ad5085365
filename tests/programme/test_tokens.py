from __future__ import annotations

from datetime import UTC, datetime

import base45
import cbor2
import cwt
import pytest
import segno
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from programme.errors import CodeError, ForgedCode, UnknownKey
from programme.tokens import (
    EXP,
    MAX_SERIAL_BYTES,
    MAX_TOKEN_CHARACTERS,
    PREFIX,
    PRIVATE_CLAIMS,
    SERIAL_BYTES,
    Token,
    TokenKind,
    read_unverified,
    sign_token,
    verify_token,
)

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
KEYS = {b"k1": KEY.public_key()}
VOUCHER = Token(
    kind=TokenKind.VOUCHER,
    programme_number=2,
    serial=bytes(range(8)),
    face_minor=2_000,
    activation_required=True,
    expires_at=datetime(2027, 11, 24, tzinfo=UTC),
)

tokens = st.builds(
    Token,
    kind=st.sampled_from(TokenKind),
    programme_number=st.integers(1, 65_535),
    serial=st.binary(min_size=SERIAL_BYTES, max_size=SERIAL_BYTES),
    face_minor=st.integers(0, 65_535),
    activation_required=st.booleans(),
    expires_at=st.none() | st.integers(1_800_000_000, 4_102_444_800).map(lambda s: datetime.fromtimestamp(s, UTC)),
)


def signed(token: Token = VOUCHER) -> str:
    return sign_token(token, key_id=b"k1", key=KEY)


@given(tokens)
def test_every_token_comes_back_whole_and_fits_version_7(token: Token) -> None:
    text = signed(token)

    assert verify_token(text, KEYS) == token
    assert read_unverified(text) == token
    assert len(text) <= MAX_TOKEN_CHARACTERS
    code = segno.make(text, error="m", boost_error=False, micro=False)
    assert (code.mode, int(code.version) <= 7) == ("alphanumeric", True)


def test_an_independent_library_reads_and_verifies_our_tokens() -> None:
    raw = base45.b45decode(signed().removeprefix(PREFIX))
    # COSE_Key (RFC 9053 §7): kty OKP, kid, alg EdDSA, crv Ed25519, x.
    peer_key = cwt.COSEKey.new({1: 1, 2: b"k1", 3: -8, -1: 6, -2: KEY.public_key().public_bytes_raw()})

    tagged = cbor2.dumps(cbor2.CBORTag(18, cbor2.loads(raw)))  # CBOR tag 18 is COSE_Sign1 (RFC 9052 §2)
    claims = cbor2.loads(cwt.COSE.new().decode(tagged, peer_key))

    assert claims == {EXP: 1_827_014_400, PRIVATE_CLAIMS: [2, 2, bytes(range(8)), 2_000, True]}


def test_a_token_of_another_key_is_refused_as_such() -> None:
    with pytest.raises(UnknownKey):
        verify_token(sign_token(VOUCHER, key_id=b"k2", key=KEY), KEYS)


def test_a_token_signed_by_somebody_else_is_a_forgery() -> None:
    with pytest.raises(ForgedCode):
        verify_token(sign_token(VOUCHER, key_id=b"k1", key=Ed25519PrivateKey.generate()), KEYS)


@given(st.data())
def test_no_changed_token_passes(data: st.DataObject) -> None:
    raw = bytearray(base45.b45decode(signed().removeprefix(PREFIX)))
    index = data.draw(st.integers(0, len(raw) - 1))
    raw[index] ^= data.draw(st.integers(1, 255))

    with pytest.raises(CodeError):
        verify_token(PREFIX + base45.b45encode(bytes(raw)).decode(), KEYS)


@given(st.integers(0, len(signed()) - 1))
def test_no_truncated_token_passes(length: int) -> None:
    with pytest.raises(CodeError):
        verify_token(signed()[:length], KEYS)


TAGGED = st.builds(
    lambda tag, value: cbor2.dumps(cbor2.CBORTag(tag, value)),
    st.sampled_from([0, 1, 2, 3, 4, 5, 25, 28, 29, 30, 35, 36, 37, 100, 256, 258, 260, 261, 1004, 43000, 55799]),
    st.recursive(
        st.integers() | st.binary(max_size=9) | st.text(max_size=9) | st.floats(), lambda x: st.lists(x, max_size=3)
    ),
)


@given(TAGGED)
def test_tags_that_we_never_write_are_damage(raw: bytes) -> None:
    with pytest.raises(CodeError):
        verify_token(PREFIX + base45.b45encode(raw).decode(), KEYS)


def test_a_decimal_that_overflows_is_damage() -> None:
    with pytest.raises(CodeError):
        verify_token("CPT1:R/OJL3FGWFGWFGWVAW", KEYS)


@given(st.binary(max_size=110))
def test_hostile_cbor_is_an_error_and_nothing_else(raw: bytes) -> None:
    with pytest.raises(CodeError):
        verify_token(PREFIX + base45.b45encode(raw).decode(), KEYS)


@given(st.text(max_size=300))
def test_hostile_text_is_an_error_and_nothing_else(text: str) -> None:
    with pytest.raises(CodeError):
        verify_token(PREFIX + text, KEYS)


def test_claims_out_of_bounds_are_refused_even_when_signed() -> None:
    too_long = signed(Token(kind=TokenKind.CARD, programme_number=1, serial=bytes(MAX_SERIAL_BYTES + 1)))
    with pytest.raises(CodeError, match="bounds"):
        verify_token(too_long, KEYS)


def test_a_token_too_dense_to_scan_is_not_made() -> None:
    dense = Token(kind=TokenKind.VOUCHER, programme_number=65_535, serial=bytes(40), expires_at=VOUCHER.expires_at)
    with pytest.raises(ValueError, match="dense"):
        signed(dense)
