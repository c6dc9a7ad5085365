from __future__ import annotations

import pytest

from programme.errors import RulesError
from programme.rules import RuleSet, load_rules

GOOD = """
id = "town-card"
number = 9
version = 1
name_fr = "Carte"
name_en = "Card"
[loyalty]
earn_rate_bp = 500
cap_minor = 5000
max_basket_minor = 100000
funder = "town"
[offline]
ceiling_minor = 10000
floor_limit_minor = 2000
grant_days = 30
"""


def test_albret_card_runs_as_a_configuration(card_rules: RuleSet) -> None:
    assert card_rules.loyalty is not None
    assert (card_rules.loyalty.earn_rate_bp, card_rules.loyalty.cap_minor) == (500, 5_000)
    assert card_rules.name("fr") == "Carte de fidélité Albret"


def test_albret_voucher_runs_as_a_configuration(voucher_rules: RuleSet) -> None:
    assert voucher_rules.voucher is not None
    assert voucher_rules.voucher.faces_minor == (1_000, 2_000, 5_000)
    assert voucher_rules.currency.code == "EUR"


def test_every_fault_is_said_at_once_by_its_key() -> None:
    bad = GOOD.replace("5000", "-1").replace('"town-card"', '"Town Card"').replace("number = 9", "")
    with pytest.raises(RulesError) as caught:
        load_rules(bad + "[surprise]\nx = 1\n")
    assert [fault.partition(":")[0] for fault in caught.value.faults] == [
        "id",
        "number",
        "loyalty.cap_minor",
        "surprise",
    ]


def test_broken_toml_names_the_line() -> None:
    with pytest.raises(RulesError, match="line 3"):
        load_rules('id = "a"\nnumber = 1\nversion == 2\n')


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (("[loyalty]", "[loyalty_]"), "loyalty_"),
        (('name_en = "Card"', 'name_en = "Card"\ncurrency_code = "XXX"'), "unknown currency"),
        (("[offline]", '[[identifiers]]\npattern = "("\n[offline]'), "identifiers.0.pattern"),
        (("[offline]", '[[identifiers]]\npattern = "x"\n[offline]'), "no group named 'serial'"),
        (("[offline]", "[voucher]\nfaces_minor = [1]\nvalid_days = 1\n[offline]"), "exactly one"),
    ],
)
def test_contradictions_are_refused_with_the_reason(change: tuple[str, str], fault: str) -> None:
    with pytest.raises(RulesError, match=fault.replace("(", r"\(")):
        load_rules(GOOD.replace(*change))
