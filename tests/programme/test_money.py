from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from programme.errors import AmountError
from programme.money import MAX_AMOUNT_MINOR, format_amount, parse_amount, share_minor


@pytest.mark.parametrize(
    ("typed", "amount_minor"),
    [
        ("23,50", 2350),
        ("23.50 €", 2350),
        ("€23.50", 2350),
        ("23,5", 2350),
        ("7", 700),
        ("1 234,05", 123405),
        ("0,01", 1),
        ("2€50", 250),
        (" 12\u00a0345,60\u00a0€ ", 1_234_560),
    ],
)
def test_amounts_are_read_as_people_type_them(typed: str, amount_minor: int) -> None:
    assert parse_amount(typed) == amount_minor


@pytest.mark.parametrize(
    "typed",
    [
        *("", "0", "0,00", "-5", "+5", "12,345", "1e3", "12a", "a", "1,2,3", "99999999999", "1000000,01", "٣", "NaN"),
        *(",50", "2 €50", "23 50", "1,5€0", "2€5", "2€500", "1 23", "12 34,50", "€", "€€1", "1€€"),
    ],
)
def test_what_is_not_a_positive_bounded_amount_is_refused(typed: str) -> None:
    with pytest.raises(AmountError):
        parse_amount(typed)


def test_amounts_are_written_for_people() -> None:
    assert format_amount(123450) == "1\u00a0234,50\u00a0€"
    assert format_amount(-68) == "-0,68\u00a0€"
    assert format_amount(123450, language="en") == "€1,234.50"


@given(st.integers(1, MAX_AMOUNT_MINOR))
def test_writing_then_reading_changes_nothing(amount_minor: int) -> None:
    assert parse_amount(format_amount(amount_minor)) == amount_minor


def test_five_percent_of_23_50_is_1_18() -> None:
    assert share_minor(2350, 500) == 118


@given(st.integers(0, MAX_AMOUNT_MINOR), st.integers(1, 10_000))
def test_shares_round_half_up_like_decimal_arithmetic(amount_minor: int, rate_bp: int) -> None:
    exact = Decimal(amount_minor) * rate_bp / 10_000
    assert share_minor(amount_minor, rate_bp) == int(exact.quantize(Decimal(1), rounding=ROUND_HALF_UP))
