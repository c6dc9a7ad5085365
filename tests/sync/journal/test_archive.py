"""A section says whose rows it holds, and holds by itself; anything changed in it is found."""

from __future__ import annotations

import io
from dataclasses import replace
from datetime import timedelta

import pytest
import zstandard
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from programme.cloudevents import decode_event
from programme.events import ProgrammeTotals
from sync.chain import GENESIS, Row, b64
from sync.errors import JournalBroken
from sync.journal.archive import Header, Section, pack, section_bytes, sections, sign_header
from tests.sync.boxes import BOX, Shop, earned


@pytest.fixture
def rows(shop: Shop) -> list[Row]:
    for _ in range(4):
        shop.append(earned())
    return shop.journal.rows(1, 99, 10**9)


def header(rows: list[Row], key: Ed25519PrivateKey) -> Header:
    first, last = decode_event(rows[0].event), decode_event(rows[-1].event)
    return Header(
        device=BOX,
        journal_key=b64(key.public_key().public_bytes_raw()),
        epoch=rows[0].epoch,
        first_position=rows[0].seq,
        first_seq=rows[0].seq,
        count=len(rows),
        previous=rows[0].previous.hex(),
        head=rows[-1].hash.hex(),
        first_at=first.ordered_at,
        last_at=last.ordered_at,
        perpetual={"card": ProgrammeTotals(earned_minor=472, count=4)},
    )


def text(rows: list[Row], key: Ed25519PrivateKey, **changes: object) -> bytes:
    return section_bytes(sign_header(replace(header(rows, key), **changes), key), rows)  # type: ignore[arg-type]


def read(data: bytes) -> list[Section]:
    return list(sections(io.BytesIO(data)))


def test_an_archive_gives_back_its_rows(shop: Shop, rows: list[Row]) -> None:
    (section,) = read(pack(text(rows, shop.key)))

    assert section.header == header(rows, shop.key)
    assert section.rows == tuple(rows)


def test_an_export_is_sections_one_after_the_other(shop: Shop, rows: list[Row]) -> None:
    found = read(text(rows[:2], shop.key) + text(rows[2:], shop.key))

    assert [row for section in found for row in section.rows] == rows
    assert [section.header.last_seq for section in found] == [2, 5]


def test_every_changed_byte_of_the_text_is_found(shop: Shop, rows: list[Row]) -> None:
    whole = text(rows, shop.key)

    for at in range(0, len(whole), 7):
        changed = bytearray(whole)
        changed[at] ^= 1
        with pytest.raises(JournalBroken):
            read(bytes(changed))


def test_no_changed_byte_of_an_archive_gives_other_rows(shop: Shop, rows: list[Row]) -> None:
    whole = pack(text(rows, shop.key))

    for at in range(len(whole)):
        changed = bytearray(whole)
        changed[at] ^= 0x40
        try:
            (section,) = read(bytes(changed))
        except JournalBroken:
            continue
        assert section.rows == tuple(rows)  # a bit of the frame that says nothing of its content


@pytest.mark.parametrize("lines", range(1, 7))
def test_a_cut_section_is_found(shop: Shop, rows: list[Row], lines: int) -> None:
    whole = text(rows, shop.key)

    with pytest.raises(JournalBroken):
        read(b"".join(whole.splitlines(keepends=True)[:lines]))
    with pytest.raises(JournalBroken):
        read(whole[:-1])


@pytest.mark.parametrize(
    "changes",
    [
        {"epoch": "2-5797e31f9d5f607d"},
        {"first_seq": 2},
        {"count": 4},
        {"count": 0},
        {"previous": "ab" * 32},
        {"head": GENESIS.hex()},
    ],
    ids=lambda changes: f"{next(iter(changes))}={next(iter(changes.values()))}"[:20],
)
def test_a_header_that_its_rows_contradict_is_found(shop: Shop, rows: list[Row], changes: dict[str, object]) -> None:
    with pytest.raises(JournalBroken):
        read(text(rows, shop.key, **changes))


def test_another_keys_signature_does_not_pass(shop: Shop, rows: list[Row]) -> None:
    signed = sign_header(header(rows, shop.key), Ed25519PrivateKey.generate())

    with pytest.raises(JournalBroken, match="isn't what the box signed"):
        read(section_bytes(signed, rows))


def test_rows_of_another_order_do_not_pass(shop: Shop, rows: list[Row]) -> None:
    with pytest.raises(JournalBroken, match="aren't those that the box signed"):
        read(section_bytes(sign_header(header(rows, shop.key), shop.key), [*rows[:-2], rows[-1], rows[-2]]))


@pytest.mark.parametrize(
    "data",
    [b"\n\n", b"{}\n\n", b"[" * 10_000, b"\x28\xb5\x2f\xfd", zstandard.compress(b"x") + b"y", zstandard.compress(b"{")],
    ids=["empty lines", "no header", "nested", "no frame", "trailing bytes", "half a header"],
)
def test_what_is_no_section_is_refused(data: bytes) -> None:
    with pytest.raises(JournalBroken):
        read(data)


def test_a_frame_that_claims_to_be_huge_is_not_unpacked() -> None:
    huge = zstandard.ZstdCompressor().compress(bytes(80 * 1024 * 1024))

    with pytest.raises(JournalBroken, match="larger than any of ours"):
        read(huge)


def test_times_are_those_of_the_rows(shop: Shop, rows: list[Row]) -> None:
    (section,) = read(text(rows, shop.key))

    assert section.header.last_at - section.header.first_at < timedelta(seconds=1)
