"""Signed tokens: what a card's or voucher's QR code carries.

COSE_Sign1 (RFC 9052, Ed25519) over CWT claims (RFC 8392) in base45 (RFC 9285) behind the prefix `CPT1:`, at most 170
characters, so that the code is a QR of version 7 at level M in alphanumeric mode. Only central signs tokens.

    CPT1:base45( [ protected {1: -8, 4: kid}, unprotected {}, payload {?4: exp, -65537: claims}, signature ] )
    claims = [kind, programme number, serial, face value in minor units, activation required]
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import IntEnum

import base45
import cbor2
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from programme.errors import CodeError, ForgedCode, UnknownKey
from programme.money import MAX_AMOUNT_MINOR

PREFIX = "CPT1:"
MAX_TOKEN_CHARACTERS = 170
SERIAL_BYTES = 8
MAX_SERIAL_BYTES = 16

ALG, KID, EDDSA = 1, 4, -8
"""COSE header parameters `alg`, `kid` and the EdDSA algorithm (RFC 9052 §3.1, RFC 9053 §2.2)."""

EXP = 4
"""CWT claim `exp` (RFC 8392 §3.1.4)."""

PRIVATE_CLAIMS = -65537
"""Our claims in one array; integers below -65536 are for private use (RFC 8392 §9.1)."""


class TokenKind(IntEnum):
    """What the code stands for."""

    CARD = 1
    VOUCHER = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """The claims of a signed token.

    Attributes:
        programme_number: The programme's number within the tenant, below 65,536.
        serial: Canonical serial, shared by paper and digital twins.
        face_minor: A voucher's value; 0 for a card.
        activation_required: Worthless until sold.
        expires_at: Last instant of validity, whole seconds; None never expires.
    """

    kind: TokenKind
    programme_number: int
    serial: bytes
    face_minor: int = 0
    activation_required: bool = False
    expires_at: datetime | None = None


def sign_token(token: Token, *, key_id: bytes, key: Ed25519PrivateKey) -> str:
    """Make the text of the QR code.

    Raises:
        ValueError: The text would pass `MAX_TOKEN_CHARACTERS`.
    """
    claims: dict[int, object] = {}
    if token.expires_at is not None:
        claims[EXP] = int(token.expires_at.timestamp())
    claims[PRIVATE_CLAIMS] = [
        int(token.kind),
        token.programme_number,
        token.serial,
        token.face_minor,
        token.activation_required,
    ]
    protected = cbor2.dumps({ALG: EDDSA, KID: key_id}, canonical=True)
    payload = cbor2.dumps(claims, canonical=True)
    signature = key.sign(_to_be_signed(protected, payload))
    text: str = PREFIX + base45.b45encode(cbor2.dumps([protected, {}, payload, signature])).decode("ascii")
    if len(text) > MAX_TOKEN_CHARACTERS:
        raise ValueError(f"a token of {len(text)} characters makes too dense a QR code")
    return text


def verify_token(text: str, keys: Mapping[bytes, Ed25519PublicKey]) -> Token:
    """Check a scanned token and return its claims.

    Args:
        text: What the scanner read, with the prefix.
        keys: Keys to trust, by key id.

    Raises:
        UnknownKey: Signed by a key that is not in force.
        ForgedCode: The signature is wrong.
        CodeError: Too long or damaged.
    """
    protected, payload, signature = _open_envelope(text)
    headers = _read_cbor(protected)
    if not isinstance(headers, dict) or headers.get(ALG) != EDDSA:
        raise CodeError("token: unknown algorithm")
    key = keys.get(headers[KID]) if isinstance(headers.get(KID), bytes) else None
    if key is None:
        raise UnknownKey("token: signed by a key that is unknown or revoked")
    try:
        key.verify(signature, _to_be_signed(protected, payload))
    except InvalidSignature:
        raise ForgedCode("token: wrong signature") from None
    return _read_claims(payload)


def read_unverified(text: str) -> Token:
    """Read a token's claims without trusting them, to look its serial up as a legacy identifier.

    Raises:
        CodeError: Too long or damaged.
    """
    _, payload, _ = _open_envelope(text)
    return _read_claims(payload)


def _to_be_signed(protected: bytes, payload: bytes) -> bytes:
    """The Sig_structure of COSE_Sign1 without external data (RFC 9052 §4.4)."""
    return cbor2.dumps(["Signature1", protected, b"", payload])


def _open_envelope(text: str) -> tuple[bytes, bytes, bytes]:
    if not text.startswith(PREFIX) or len(text) > MAX_TOKEN_CHARACTERS:
        raise CodeError("token: not of our form")
    try:
        raw = base45.b45decode(text.removeprefix(PREFIX))
    except ValueError:
        raise CodeError("token: damaged") from None
    match _read_cbor(raw):
        case [bytes() as protected, dict(), bytes() as payload, bytes() as signature]:
            return protected, payload, signature
    raise CodeError("token: damaged")


def _read_cbor(raw: bytes) -> object:
    """Decode exactly one item."""
    stream = io.BytesIO(raw)
    try:
        value: object = cbor2.load(stream)
    # cbor2 also decodes what we never write (decimals, dates, regular expressions…) and lets the errors of their own
    # libraries through; whichever it is, the code is damaged.
    except Exception:  # noqa: BLE001
        raise CodeError("token: damaged") from None
    if stream.read(1):
        raise CodeError("token: damaged")
    return value


def _read_claims(payload: bytes) -> Token:
    claims = _read_cbor(payload)
    if not isinstance(claims, dict):
        raise CodeError("token: damaged")
    match claims.get(PRIVATE_CLAIMS):
        case [int() as kind, int() as number, bytes() as serial, int() as face_minor, bool() as activation]:
            pass
        case _:
            raise CodeError("token: claims of another form")
    expires = claims.get(EXP)
    if (
        kind not in tuple(TokenKind)
        or not 0 <= face_minor <= MAX_AMOUNT_MINOR
        or not 0 < len(serial) <= MAX_SERIAL_BYTES
        or not (expires is None or (type(expires) is int and 0 < expires < 2**32))
    ):
        raise CodeError("token: claims out of bounds")
    return Token(
        kind=TokenKind(kind),
        programme_number=number,
        serial=serial,
        face_minor=face_minor,
        activation_required=activation,
        expires_at=None if expires is None else datetime.fromtimestamp(expires, UTC),
    )
