"""An export verifies alone, whoever has it; what was taken out of it or changed is found."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from programme.events import EpochReason
from sync.chain import b64
from sync.errors import JournalBroken, JournalError, JournalForeign
from sync.journal import export as exporting
from sync.journal.archive import section_bytes, sections, sign_header
from sync.journal.audit import FileReport, verify_file
from sync.journal.export import Span, export
from sync.wire import Head
from tests.sync.boxes import BOX, CENTRAL_KEY_ID, DAY, NOON, Shop, earned, redeemed, voided

HEADS = {programme: Head(generation=1, version=1) for programme in ("card", "voucher")}
EVERYTHING = Span()


@pytest.fixture
def busy(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> Shop:
    """Three days of four rows and a closure each, after the opening; two and a half booked, six rows archived."""
    monkeypatch.setattr(exporting, "ROWS_IN_FILE", 4)
    shop.load_replica("card", 1)
    for day in range(3):
        for _ in range(3):
            event = shop.append(earned(day=DAY + timedelta(days=day)))
        shop.append(voided(event) if day == 1 else redeemed())
        shop.close_day(DAY + timedelta(days=day))
        shop.clock.pass_s(86_400)
    shop.take(shop.ack(13, heads=HEADS))
    shop.journal.archive(before=NOON + timedelta(days=9), rows_in_file=3)
    return shop


def keys_of(shop: Shop) -> dict[str, Ed25519PublicKey]:
    return {CENTRAL_KEY_ID: shop.central_key.public_key(), BOX: shop.key.public_key()}


def exported(shop: Shop, span: Span = EVERYTHING) -> Path:
    path = shop.path.with_name("export")
    with path.open("wb") as file:
        export(shop.path, file, key=shop.key, span=span)
    return path


def check(path: Path) -> FileReport:
    return verify_file(path, keys={})


def test_an_export_holds_everything_and_verifies_without_any_key(busy: Shop) -> None:
    report = check(exported(busy))

    assert (report.device, report.rows, report.acks_checked) == (BOX, 16, False)
    assert report.journal_key == b64(busy.key.public_key().public_bytes_raw())
    assert (report.first.first_position, report.last.last_position) == (1, 16)
    assert report.last.perpetual["card"].count == 12


def test_with_centrals_key_its_acks_are_checked_too(busy: Shop) -> None:
    path = exported(busy)

    assert verify_file(path, keys=keys_of(busy)).acks_checked
    with pytest.raises(JournalBroken, match="ack isn't central's"):
        verify_file(path, keys={CENTRAL_KEY_ID: Ed25519PrivateKey.generate().public_key()})


def test_another_boxs_file_does_not_pass_where_its_key_is_known(busy: Shop) -> None:
    path = exported(busy)

    with pytest.raises(JournalForeign):
        verify_file(path, keys={BOX: Ed25519PrivateKey.generate().public_key()})


def test_each_archive_verifies_alone(busy: Shop) -> None:
    paths = sorted(busy.path.parent.glob("archive/*"))

    assert [check(path).rows for path in paths] == [3, 3, 3, 3]
    assert all(verify_file(path, keys=keys_of(busy)).acks_checked for path in paths)


@pytest.mark.parametrize(
    ("first", "end", "positions"),
    [
        (None, DAY + timedelta(days=1), (1, 6)),
        (DAY + timedelta(days=1), DAY + timedelta(days=2), (7, 12)),
        (DAY + timedelta(days=2), None, (10, 16)),
    ],
    ids=["to", "between", "from"],
)
def test_a_span_is_exported_in_whole_sections(
    busy: Shop, first: date | None, end: date | None, positions: tuple[int, int]
) -> None:
    span = Span(first=midnight(first) if first else None, end=midnight(end) if end else None)

    report = check(exported(busy, span))

    assert (report.first.first_position, report.last.last_position) == positions


def midnight(day: date) -> datetime:
    return NOON.replace(hour=0) + (day - DAY)


def test_an_export_goes_on_across_epochs(busy: Shop) -> None:
    busy.journal.open_epoch(EpochReason.FORK)
    busy.append(earned())

    report = check(exported(busy))

    assert report.first.epoch.startswith("1-")
    assert report.last.epoch.startswith("2-")
    assert report.last.perpetual["card"].count == 13


def test_a_damaged_row_is_missing_in_the_export_and_found_so(busy: Shop) -> None:
    busy.close()
    busy.run_sql("UPDATE rows SET event = x'00' WHERE position = 15")

    with pytest.raises(JournalBroken, match="rows are missing before this one"):
        check(exported(busy))


def sections_of(text: bytes) -> list[bytes]:
    """Header, signature and rows of each section."""
    starts = [at for at, line in enumerate(text.splitlines(keepends=True)) if b"comptoir/section/1" in line]
    lines = text.splitlines(keepends=True)
    return [b"".join(lines[start:end]) for start, end in zip(starts, [*starts[1:], len(lines)], strict=True)]


TAMPERINGS: dict[str, Callable[[list[bytes]], list[bytes]]] = {
    "left out": lambda parts: [*parts[:1], *parts[2:]],
    "exchanged": lambda parts: [parts[1], parts[0], *parts[2:]],
    "repeated": lambda parts: [parts[0], *parts],
    "an amount": lambda parts: [parts[0].replace(b'"amount_minor":118', b'"amount_minor":119'), *parts[1:]],
    "a total": lambda parts: [parts[0].replace(b'"earned_minor":', b'"earned_minor":1'), *parts[1:]],
    "a line": lambda parts: [b"".join(parts[0].splitlines(keepends=True)[:-1]), *parts[1:]],
}


@pytest.mark.parametrize("tampering", TAMPERINGS.values(), ids=TAMPERINGS.keys())
def test_what_was_changed_in_an_export_is_found(busy: Shop, tampering: Callable[[list[bytes]], list[bytes]]) -> None:
    path = exported(busy)
    path.write_bytes(b"".join(tampering(sections_of(path.read_bytes()))))

    with pytest.raises(JournalBroken):
        check(path)


def test_totals_that_count_back_are_found_whoever_signed_them(busy: Shop) -> None:
    path = exported(busy)
    with path.open("rb") as file:
        first, second, *_ = sections(file)
    less = replace(second.header, perpetual=first.header.perpetual)
    path.write_bytes(section_bytes(first.signed, first.rows) + section_bytes(sign_header(less, busy.key), second.rows))

    with pytest.raises(JournalBroken, match="perpetual totals"):
        check(path)


def test_sections_of_two_boxes_do_not_make_an_export(busy: Shop, tmp_path: Path) -> None:
    other = Shop(tmp_path / "other" / "journal.sqlite")
    other.path.parent.mkdir()
    other.create()
    path = exported(busy)
    theirs = exported(other)
    path.write_bytes(sections_of(path.read_bytes())[0] + theirs.read_bytes())
    other.close()

    with pytest.raises(JournalBroken, match="another box's"):
        check(path)


def test_what_is_no_export_is_said_plainly(tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.touch()
    with pytest.raises(JournalBroken, match="holds no rows"):
        check(empty)
    with pytest.raises(JournalError, match="check the file's name"):
        check(tmp_path / "none")
