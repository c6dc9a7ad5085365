"""Rule sets: a programme as configuration, versioned and immutable once published."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass, field
from enum import Enum
from typing import Annotated

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError

from programme.errors import RulesError
from programme.money import BASIS_POINTS, CURRENCIES, MAX_AMOUNT_MINOR, Currency

_STRICT = ConfigDict(extra="forbid", strict=False)

Id = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")]
Amount = Annotated[int, Field(ge=0, le=MAX_AMOUNT_MINOR)]
PositiveAmount = Annotated[int, Field(gt=0, le=MAX_AMOUNT_MINOR)]
Rate = Annotated[int, Field(gt=0, le=BASIS_POINTS)]


class SerialForm(Enum):
    """How a legacy identifier's serial becomes canonical bytes."""

    TEXT = "text"
    """Upper-cased ASCII."""
    DECIMAL = "decimal"
    """Digits (EAN-13 and the like), packed: their count in one byte, then the number, big-endian. A signed twin of a
    printed number carries the same bytes and stays short enough."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentifierRule:
    """Maps codes that were printed before Comptoir to serials of this programme.

    Attributes:
        pattern: Regular expression for the whole code, with one group named `serial`.
        serial: How the group becomes canonical bytes.
    """

    __pydantic_config__ = _STRICT
    pattern: Annotated[str, Field(max_length=200)]
    serial: SerialForm = SerialForm.TEXT


@dataclass(frozen=True, slots=True, kw_only=True)
class LoyaltyCard:
    """A *cagnotte*: it grows with each basket in any shop and is spent in any shop.

    Attributes:
        earn_rate_bp: Basis points of the basket.
        cap_minor: The balance's cap; earns above it are clamped.
        max_basket_minor: A larger basket is a slip.
        funder: Who pays for the earns.
    """

    __pydantic_config__ = _STRICT
    earn_rate_bp: Rate
    cap_minor: PositiveAmount
    max_basket_minor: PositiveAmount
    funder: Id


@dataclass(frozen=True, slots=True, kw_only=True)
class GiftVoucher:
    """A voucher sold by the shops and spent once, whole.

    Attributes:
        faces_minor: The values on sale.
        valid_days: From issue to expiry.
    """

    __pydantic_config__ = _STRICT
    faces_minor: Annotated[tuple[PositiveAmount, ...], Field(min_length=1)]
    valid_days: Annotated[int, Field(gt=0, le=3660)]


@dataclass(frozen=True, slots=True, kw_only=True)
class OfflinePolicy:
    """What grants of this programme hold.

    Attributes:
        ceiling_minor: Most that one box may accept without asking, per grant.
        floor_limit_minor: Most per card.
        grant_days: A grant's life.
    """

    __pydantic_config__ = _STRICT
    ceiling_minor: Amount
    floor_limit_minor: Amount
    grant_days: Annotated[int, Field(gt=0, le=366)]


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleSet:
    """One version of one programme.

    Attributes:
        number: Stands for the programme in tokens; unique within the tenant.
        version: Rises by one per publication; events name the one they were decided under.
        name_fr: For shopkeepers, holders and receipts.
        loyalty: Set for a loyalty card programme.
        voucher: Set for a voucher programme; exactly one of the two is.
    """

    __pydantic_config__ = _STRICT
    id: Id
    number: Annotated[int, Field(gt=0, lt=65536)]
    version: Annotated[int, Field(gt=0)]
    name_fr: Annotated[str, Field(min_length=1, max_length=60)]
    name_en: Annotated[str, Field(min_length=1, max_length=60)]
    currency_code: str = "EUR"
    offline: OfflinePolicy
    loyalty: LoyaltyCard | None = None
    voucher: GiftVoucher | None = None
    identifiers: tuple[IdentifierRule, ...] = field(default=())

    @property
    def currency(self) -> Currency:
        """The programme's currency."""
        return CURRENCIES[self.currency_code]

    def name(self, language: str) -> str:
        """The programme's name in a language."""
        return self.name_fr if language == "fr" else self.name_en


def load_rules(text: str) -> RuleSet:
    """Read a programme file (TOML).

    Raises:
        RulesError: Every fault of the file at once.
    """
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise RulesError([str(error)]) from None
    try:
        rules = TypeAdapter(RuleSet).validate_python(table)
    except ValidationError as error:
        raise RulesError([_fault(item["loc"], item["msg"]) for item in error.errors()]) from None
    faults = list(_contradictions(rules))
    if faults:
        raise RulesError(faults)
    return rules


def _fault(where: tuple[int | str, ...], what: str) -> str:
    return f"{'.'.join(map(str, where)) or 'file'}: {what[0].lower()}{what[1:]}"


def _contradictions(rules: RuleSet) -> list[str]:
    faults = []
    if (rules.loyalty is None) == (rules.voucher is None):
        faults.append("file: exactly one of [loyalty] and [voucher] must be given")
    if rules.currency_code not in CURRENCIES:
        faults.append(f"currency_code: unknown currency {rules.currency_code!r}")
    for index, identifier in enumerate(rules.identifiers):
        try:
            groups = re.compile(identifier.pattern).groupindex
        except re.error as error:
            faults.append(f"identifiers.{index}.pattern: {error}")
            continue
        if "serial" not in groups:
            faults.append(f"identifiers.{index}.pattern: no group named 'serial'")
    return faults
