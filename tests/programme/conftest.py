"""Two programmes, a card and a voucher, as they run in the field."""

from __future__ import annotations

from pathlib import Path

import pytest

from programme.rules import RuleSet, load_rules

FILES = Path(__file__).parents[2] / "programme" / "files"


@pytest.fixture(scope="session")
def card_rules() -> RuleSet:
    return load_rules((FILES / "albret-card.toml").read_text())


@pytest.fixture(scope="session")
def voucher_rules() -> RuleSet:
    return load_rules((FILES / "albret-voucher.toml").read_text())
