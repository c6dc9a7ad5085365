"""Key files: for their owner's eyes, made once, and missed with a clear message."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from sqlalchemy import select

from central.errors import KeysError
from central.keys import create_keys, create_reference_key, load_keys
from central.store.schema import METADATA
from sync.chain import b64
from tests.central.world import Box, Centre


def test_keys_are_readable_by_their_owner_only(tmp_path: Path) -> None:
    create_keys(tmp_path)
    create_reference_key(tmp_path, "albret-card")

    files = sorted((tmp_path / "keys").iterdir())
    assert [file.name for file in files] == ["central-1.key", "reference-albret-card.key", "token-1.key"]
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
    assert stat.S_IMODE((tmp_path / "keys").stat().st_mode) == 0o700


def test_a_reference_key_is_made_once(tmp_path: Path) -> None:
    create_keys(tmp_path)
    create_reference_key(tmp_path, "albret-card")
    first = load_keys(tmp_path, ["albret-card"]).references

    create_reference_key(tmp_path, "albret-card")

    assert load_keys(tmp_path, ["albret-card"]).references == first


def test_keys_are_never_replaced(tmp_path: Path) -> None:
    create_keys(tmp_path)

    with pytest.raises(KeysError, match="nothing was replaced"):
        create_keys(tmp_path)


@pytest.mark.parametrize("content", [None, b"", b"too short"])
def test_a_missing_or_damaged_key_is_named(tmp_path: Path, content: bytes | None) -> None:
    create_keys(tmp_path)
    path = tmp_path / "keys" / "token-1.key"
    path.unlink()
    if content is not None:
        path.write_bytes(content)

    with pytest.raises(KeysError, match=r"token-1\.key.*restore it from the backup"):
        load_keys(tmp_path, [])


def test_a_copy_of_the_database_holds_no_key(centre: Centre, box_a: Box) -> None:
    centre.batch(box_a)
    centre.birth(box_a, config=0)
    with centre.workshop.read() as work:
        references = [b64(key) for key in work.keys.references.values()]
    with centre.store.read() as db:
        content = repr([db.execute(select(table)).all() for table in METADATA.sorted_tables]).encode()

    assert len(references) == 2
    assert [key for key in references if key.encode() in content] == []


def test_a_configuration_sent_again_is_the_same_bytes(centre: Centre, box_a: Box) -> None:
    first = centre.birth(box_a, config=0)
    centre.restart()

    again = centre.birth(box_a, config=0)

    assert first.raw[0].payload == again.raw[0].payload == box_a.enrolment.configuration.encode()
