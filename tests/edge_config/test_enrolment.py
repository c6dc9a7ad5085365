"""A box's key and its enrolment are files that only their owner may read."""

import stat
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from edge_config.enrolment import (
    ENROLMENT,
    JOURNAL_KEY,
    load_enrolment,
    load_journal_key,
    make_request,
    obtain_journal_key,
    read_message,
    write_message,
)
from edge_config.errors import EnrolmentError, EnrolmentMissing
from edge_config.messages import Enrolment, EnrolmentRequest

ENROLLED = Enrolment(
    tenant="albret",
    shard="3f",
    device="box-a",
    broker="mqtt://127.0.0.1:1883",
    central="http://127.0.0.1:8780",
    central_key_id="central-1",
    central_key="A" * 43,
    snapshot_secret="secret",
    time=datetime(2026, 5, 3, 10, 12, tzinfo=UTC),
    configuration="{}",
)


def test_a_key_is_made_once_and_is_private(tmp_path: Path) -> None:
    first = obtain_journal_key(tmp_path / "data")
    second = obtain_journal_key(tmp_path / "data")

    assert first.private_bytes_raw() == second.private_bytes_raw()
    assert stat.S_IMODE((tmp_path / "data" / JOURNAL_KEY).stat().st_mode) == 0o600
    assert [path.name for path in (tmp_path / "data").iterdir()] == [JOURNAL_KEY]


def test_a_request_shows_the_public_key_alone(tmp_path: Path) -> None:
    key = obtain_journal_key(tmp_path)
    write_message(tmp_path / "request.json", make_request(key, software="1"))

    request = read_message(tmp_path / "request.json", EnrolmentRequest)

    assert request == make_request(key, software="1")
    assert len(request.journal_key) == 43


def test_an_enrolment_survives_its_file(tmp_path: Path) -> None:
    write_message(tmp_path / ENROLMENT, ENROLLED)

    assert load_enrolment(tmp_path) == ENROLLED
    assert stat.S_IMODE((tmp_path / ENROLMENT).stat().st_mode) == 0o600


def test_a_box_that_is_not_enrolled_says_how_to(tmp_path: Path) -> None:
    with pytest.raises(EnrolmentError, match="enrol accept"):
        load_enrolment(tmp_path)
    with pytest.raises(EnrolmentError, match="enrol request"):
        load_journal_key(tmp_path)


@pytest.mark.parametrize("text", ["", "{}", "[1]", '{"tenant": 3}', "\udcff"])
def test_another_file_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "x.json"
    path.write_bytes(text.encode("utf-8", errors="surrogateescape"))

    with pytest.raises(EnrolmentError, match="not an Enrolment file"):
        read_message(path, Enrolment)


def test_a_missing_and_a_huge_file_are_refused(tmp_path: Path) -> None:
    with pytest.raises(EnrolmentMissing, match="nowhere: no such file"):
        read_message(tmp_path / "nowhere", Enrolment)
    with pytest.raises(EnrolmentError, match="can't be read"):
        read_message(tmp_path, Enrolment)
    (tmp_path / "huge").write_bytes(b" " * 2_000_000)
    with pytest.raises(EnrolmentError, match="too large"):
        read_message(tmp_path / "huge", Enrolment)


@pytest.mark.parametrize(
    "content",
    [
        b"not a key",
        X25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
        Ed25519PrivateKey.generate().private_bytes_raw(),
    ],
    ids=["text", "another kind", "raw"],
)
def test_a_damaged_key_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / JOURNAL_KEY).write_bytes(content)

    with pytest.raises(EnrolmentError, match=JOURNAL_KEY):
        obtain_journal_key(tmp_path)
