from __future__ import annotations

from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from programme.codes import CodeBook, reference
from programme.errors import CodeError, ForeignCode, ForgedCode, UnknownCode
from programme.events import CodeTrust
from programme.rules import IdentifierRule, RuleSet, SerialForm
from programme.tokens import Token, TokenKind, sign_token

KEY = Ed25519PrivateKey.from_private_bytes(bytes(32))
CARD_KEY, VOUCHER_KEY = b"card key", b"voucher key"
EAN = "2912345678905"
PACKED_EAN = bytes([13]) + (2_912_345_678_905).to_bytes(6, "big")


@pytest.fixture(scope="module")
def book(card_rules: RuleSet, voucher_rules: RuleSet) -> CodeBook:
    return CodeBook(
        rules={card_rules.id: card_rules, voucher_rules.id: voucher_rules},
        reference_keys={card_rules.id: CARD_KEY, voucher_rules.id: VOUCHER_KEY},
        token_keys={b"k1": KEY.public_key()},
    )


def token(number: int = 1, kind: TokenKind = TokenKind.CARD, serial: bytes = b"serial!!") -> str:
    return sign_token(Token(kind=kind, programme_number=number, serial=serial), key_id=b"k1", key=KEY)


def test_a_signed_token_names_programme_and_instrument(book: CodeBook) -> None:
    code = book.resolve(token())
    assert (code.programme, code.instrument, code.trust) == (
        "albret-card",
        reference(CARD_KEY, b"serial!!"),
        CodeTrust.SIGNED,
    )


def test_a_printed_number_is_a_legacy_identifier(book: CodeBook) -> None:
    code = book.resolve(EAN)
    assert (code.programme, code.trust, code.token) == ("albret-card", CodeTrust.LEGACY, None)


def test_paper_and_digital_twins_are_one_instrument(book: CodeBook) -> None:
    assert book.resolve(token(serial=PACKED_EAN)).instrument == book.resolve(EAN).instrument


def test_a_leading_zero_makes_another_number(card_rules: RuleSet) -> None:
    digits = IdentifierRule(pattern=r"(?P<serial>\d+)", serial=SerialForm.DECIMAL)
    rules = replace(card_rules, identifiers=(digits,))
    book = CodeBook(rules={rules.id: rules}, reference_keys={rules.id: CARD_KEY}, token_keys={})
    assert book.resolve("012").instrument != book.resolve("12").instrument


def test_text_serials_ignore_case(card_rules: RuleSet) -> None:
    text = IdentifierRule(pattern=r"https://carte\.example/(?P<serial>[A-Za-z0-9]+)")
    rules = replace(card_rules, identifiers=(text,))
    book = CodeBook(rules={rules.id: rules}, reference_keys={rules.id: CARD_KEY}, token_keys={})
    assert book.resolve("https://carte.example/ab12") == book.resolve("https://carte.example/AB12")


def test_a_revoked_key_s_token_is_worth_a_legacy_identifier(book: CodeBook) -> None:
    revoked = replace(book, token_keys={})
    code = revoked.resolve(token())
    assert (code.trust, code.token) == (CodeTrust.LEGACY, None)
    assert code.instrument == book.resolve(token()).instrument


def test_a_programme_not_taken_here_is_foreign(book: CodeBook) -> None:
    with pytest.raises(ForeignCode):
        book.resolve(token(number=77))


def test_a_card_token_of_a_voucher_programme_is_a_forgery(book: CodeBook) -> None:
    with pytest.raises(ForgedCode):
        book.resolve(token(number=2, kind=TokenKind.CARD))


@pytest.mark.parametrize(
    "text", ["", "https://example.com/menu", "3017620422003", "x" * 100_000, "\x1b@\x00", "２９１２"]
)
def test_anything_else_is_unknown(book: CodeBook, text: str) -> None:
    with pytest.raises(UnknownCode):
        book.resolve(text)


@given(text=st.text(max_size=600))
def test_no_text_does_worse_than_a_code_error(book: CodeBook, text: str) -> None:
    try:
        book.resolve(text)
    except CodeError:
        return
    assert text.startswith("29")
