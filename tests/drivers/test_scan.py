"""What counts as a scan."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from drivers.scan import Scan, Symbology, is_plain_text, symbology_of

NOON = datetime(2026, 5, 3, 12, 0, tzinfo=UTC)


def test_a_scan_holds_its_time_in_utc() -> None:
    scan = Scan(payload="CARD-1", symbology=Symbology.QR, device="counter", read_at=NOON)

    assert scan.read_at == NOON


@pytest.mark.parametrize(
    "read_at", [NOON.replace(tzinfo=None), NOON.astimezone(timezone(timedelta(hours=2)))], ids=["naive", "Paris"]
)
def test_a_time_that_is_not_utc_is_refused(read_at: datetime) -> None:
    with pytest.raises(ValueError, match="counter must be aware UTC"):
        Scan(payload="CARD-1", symbology=None, device="counter", read_at=read_at)


@pytest.mark.parametrize(
    ("identifier", "symbology"),
    [
        ("]Q1", Symbology.QR),
        ("]E0", Symbology.EAN_UPC),
        ("]C0", Symbology.CODE_128),
        ("]d2", Symbology.DATA_MATRIX),
        ("]?1", None),
        ("]Q", None),
        ("]Q-", None),
        ("Q1]", None),
        ("", None),
    ],
)
def test_aim_identifiers(identifier: str, symbology: Symbology | None) -> None:
    assert symbology_of(identifier) is symbology


@pytest.mark.parametrize("payload", ["CPT1:NCFOXN", "3 560070 123456", "https://exemple.fr/é"])
def test_printable_text_may_go_on(payload: str) -> None:
    assert is_plain_text(payload)


@pytest.mark.parametrize("payload", ["", "A\x00B", "A\x1bB", "A\nB", "A\u202eB", "A\x7f"])
def test_nothing_and_controls_may_not(payload: str) -> None:
    assert not is_plain_text(payload)
