from __future__ import annotations

from dataclasses import fields
from datetime import UTC, datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest

from programme import refusals
from programme.errors import NotUnderstood
from programme.refusals import REFUSALS, Refusal, refusal_from_json, refusal_to_json
from programme.words import explain

PARIS = ZoneInfo("Europe/Paris")
SUMMER = datetime(2026, 5, 3, 8, 12, tzinfo=UTC)


def example(kind: type[Refusal]) -> Refusal:
    values: dict[str, Any] = {"at": SUMMER, "shop": "Librairie des Halles", "target": UUID(int=1)}
    return kind(**{field.name: values.get(field.name, 1_234) for field in fields(kind)})


@pytest.mark.parametrize("language", ["fr", "en"])
@pytest.mark.parametrize("kind", REFUSALS.values(), ids=REFUSALS)
def test_every_refusal_has_a_sentence_in_both_languages(kind: type[Refusal], language: str) -> None:
    sentence = explain(example(kind), language=language, zone=PARIS)
    assert sentence[0].isupper()
    assert sentence.endswith(".")
    assert "{" not in sentence


def test_a_used_voucher_says_when_and_where_in_the_shop_s_time() -> None:
    refusal = refusals.AlreadyRedeemed(at=SUMMER, shop="Librairie des Halles")
    assert explain(refusal, language="fr", zone=PARIS) == "Déjà utilisé le 3 mai à 10:12, Librairie des Halles."
    assert explain(refusal, language="en", zone=PARIS) == "Already used on 3 May at 10:12, Librairie des Halles."


def test_a_pending_earn_is_explained() -> None:
    refusal = refusals.InsufficientBalance(available_minor=0, pending_minor=118)
    assert "1,18\u00a0€ gagnés ici" in explain(refusal, language="fr", zone=PARIS)


@pytest.mark.parametrize("kind", REFUSALS.values(), ids=REFUSALS)
def test_refusals_cross_the_wire(kind: type[Refusal]) -> None:
    refusal = example(kind)
    assert refusal_from_json(refusal_to_json(refusal)) == refusal


def test_an_unknown_reason_is_not_understood() -> None:
    with pytest.raises(NotUnderstood):
        refusal_from_json({"reason": "Whim"})
