"""The table of docs/codes.md is what the code does."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import segno
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from programme.tokens import Token, TokenKind, sign_token

PAGE = Path(__file__).parents[2] / "docs" / "codes.md"
KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
EXPIRY = datetime(2027, 11, 24, tzinfo=UTC)
SERIAL = bytes(range(8))


def voucher(*, face_minor: int, serial: bytes = SERIAL, number: int = 2) -> Token:
    return Token(
        kind=TokenKind.VOUCHER,
        programme_number=number,
        serial=serial,
        face_minor=face_minor,
        activation_required=True,
        expires_at=EXPIRY,
    )


EXAMPLES = {
    "card": Token(kind=TokenKind.CARD, programme_number=1, serial=SERIAL),
    "card with an expiry": Token(kind=TokenKind.CARD, programme_number=1, serial=SERIAL, expires_at=EXPIRY),
    "voucher of 20 €": voucher(face_minor=2_000),
    "voucher of 1 000 €": voucher(face_minor=100_000),
    "voucher of 20 €, twin of a printed EAN-13": voucher(face_minor=2_000, serial=bytes(range(7))),
    "largest: programme 65535, 1 000 €": voucher(face_minor=100_000, number=65_535),
}


def test_the_table_of_sizes_is_measured() -> None:
    rows = []
    for name, token in EXAMPLES.items():
        text = sign_token(token, key_id=b"k1", key=KEY)
        code = segno.make(text, error="m", boost_error=False, micro=False)
        rows.append(f"| {name} | {len(text)} | {code.version} | {code.symbol_size(border=0)[0]} |")

    table = [line for line in PAGE.read_text().splitlines() if line.startswith("| ") and "characters" not in line]
    assert table == rows
