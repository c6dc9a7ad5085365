"""Amounts: integer minor units of one currency, never floats."""

from __future__ import annotations

import re
from dataclasses import dataclass

from programme.errors import AmountError

MAX_AMOUNT_MINOR = 100_000_000
"""One million euros: above any basket of an independent shop, so a larger figure is a slip or an attack."""

BASIS_POINTS = 10_000

_SPACE = "[ \u00a0\u202f]"
_AMOUNT = re.compile(rf"(\d{{1,3}}(?:{_SPACE}\d{{3}})+|\d{{1,9}})(?:[.,](\d{{1,4}}))?", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Currency:
    """A currency as ISO 4217 lists it.

    Attributes:
        code: Three letters.
        exponent: Decimal digits of the minor unit (2: cents).
        sign: What is printed beside the amount.
    """

    code: str
    exponent: int
    sign: str


EUR = Currency(code="EUR", exponent=2, sign="€")
CURRENCIES = {EUR.code: EUR}


def parse_amount(text: str, currency: Currency = EUR) -> int:
    """Read what a person typed as minor units: "23,50", "23.50 €", "€23.50", "23€50", "1 234,50".

    Raises:
        AmountError: Not a positive amount with at most the currency's decimals and within bounds.
    """
    typed = re.sub(rf"(?<=\d){currency.sign}(?=\d\d$)", ",", text.strip())
    match = _AMOUNT.fullmatch(typed.removeprefix(currency.sign).removesuffix(currency.sign).strip())
    if match is None:
        raise AmountError(f"not an amount: {text[:20]!r}")
    whole, decimals = re.sub(_SPACE, "", match[1]), match[2] or ""
    if len(decimals) > currency.exponent:
        raise AmountError(f"more than {currency.exponent} decimals: {text[:20]!r}")
    amount_minor = int(whole) * 10**currency.exponent + int(decimals.ljust(currency.exponent, "0") or "0")
    return check_amount(amount_minor)


def check_amount(amount_minor: int) -> int:
    """Return the amount if it is positive and within bounds.

    Raises:
        AmountError: Zero, negative, or above `MAX_AMOUNT_MINOR`.
    """
    if not 0 < amount_minor <= MAX_AMOUNT_MINOR:
        raise AmountError(f"amount out of bounds: {amount_minor}")
    return amount_minor


def format_amount(amount_minor: int, currency: Currency = EUR, *, language: str = "fr") -> str:
    """Write minor units for people: "1 234,50 €" in French, "€1,234.50" in English."""
    whole, decimals = divmod(abs(amount_minor), 10**currency.exponent)
    minus = "-" if amount_minor < 0 else ""
    digits = f"{whole:,}"
    fraction = f"{decimals:0{currency.exponent}d}" if currency.exponent else ""
    if language == "fr":
        comma = "," if fraction else ""
        spaced = digits.replace(",", "\u00a0")
        return f"{minus}{spaced}{comma}{fraction}\u00a0{currency.sign}"
    point = "." if fraction else ""
    return f"{minus}{currency.sign}{digits}{point}{fraction}"


def share_minor(amount_minor: int, rate_bp: int) -> int:
    """Part of an amount at a rate in basis points, rounded half up, once.

    Args:
        amount_minor: The basket, at least zero.
        rate_bp: 500 is 5 %.
    """
    return (amount_minor * rate_bp * 2 + BASIS_POINTS) // (2 * BASIS_POINTS)
