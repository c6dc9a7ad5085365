"""Enrolment by file: the box makes its key and a request, central answers with an enrolment, carried by hand.

What is here only reads and writes files; whether central's signature holds is checked by who opens the enrolment.
"""

from __future__ import annotations

import base64
import os
from pathlib import Path
from typing import TypeVar

import msgspec
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from edge_config.errors import EnrolmentMissing, EnrolmentUnreadable, JournalKeyUnreadable, NotEnrolled
from edge_config.messages import Enrolment, EnrolmentRequest

JOURNAL_KEY = "journal.key"
ENROLMENT = "enrolment.json"
MAX_FILE_BYTES = 1024 * 1024

T = TypeVar("T")


def obtain_journal_key(data_dir: Path) -> Ed25519PrivateKey:
    """The box's journal key; made at the first call, readable by its owner only.

    Raises:
        EnrolmentError: The file is there and can't be read.
        OSError: The folder can't be written.
    """
    if (data_dir / JOURNAL_KEY).exists():
        return load_journal_key(data_dir)
    key = Ed25519PrivateKey.generate()
    data_dir.mkdir(parents=True, exist_ok=True)
    write_private(
        data_dir / JOURNAL_KEY, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()), may_replace=False
    )
    return key


def load_journal_key(data_dir: Path) -> Ed25519PrivateKey:
    """The box's journal key.

    Raises:
        EnrolmentError: It isn't there or isn't a key.
    """
    path = data_dir / JOURNAL_KEY
    try:
        key = load_pem_private_key(path.read_bytes(), password=None)
    except FileNotFoundError:
        raise NotEnrolled(f"{path}: no journal key. Enrol this box: comptoir enrol request --out FILE") from None
    except (OSError, ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise JournalKeyUnreadable(f"{path}: can't read the journal key ({error}). Restore the file.") from None
    if not isinstance(key, Ed25519PrivateKey):
        raise JournalKeyUnreadable(f"{path}: not an Ed25519 key. Restore the file.")
    return key


def make_request(key: Ed25519PrivateKey, *, software: str) -> EnrolmentRequest:
    """What the box shows to central."""
    raw = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    return EnrolmentRequest(journal_key=base64.urlsafe_b64encode(raw).rstrip(b"=").decode("ascii"), software=software)


def write_message(path: Path, message: EnrolmentRequest | Enrolment) -> None:
    """Write one of the two files of an enrolment, readable by its owner only: an enrolment holds a secret.

    Raises:
        OSError: It can't be written.
    """
    write_private(path, msgspec.json.format(msgspec.json.encode(message), indent=2) + b"\n", may_replace=True)


def read_message(path: Path, kind: type[T]) -> T:
    """Read one of the two files of an enrolment.

    Raises:
        EnrolmentError: It can't be read, or isn't of that kind.
    """
    try:
        with path.open("rb") as file:
            data = file.read(MAX_FILE_BYTES + 1)
    except FileNotFoundError:
        raise EnrolmentMissing(path) from None
    except OSError as error:
        raise EnrolmentUnreadable(path, f"can't be read ({error.strerror}).") from None
    if len(data) > MAX_FILE_BYTES:
        raise EnrolmentUnreadable(path, f"too large for an {kind.__name__} file.")
    try:
        return msgspec.json.decode(data, type=kind)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise EnrolmentUnreadable(path, f"not an {kind.__name__} file ({error}).") from None


def load_enrolment(data_dir: Path) -> Enrolment:
    """Who this box is.

    Raises:
        EnrolmentError: It isn't enrolled, or the file is damaged.
    """
    path = data_dir / ENROLMENT
    if not path.exists():
        raise NotEnrolled(f"{path}: this box is not enrolled. Enrol it: comptoir enrol accept FILE")
    return read_message(path, Enrolment)


def write_private(path: Path, data: bytes, *, may_replace: bool) -> None:
    """Write a file that only its owner may read, whole or not at all.

    Raises:
        FileExistsError: It is there and may not be replaced.
        OSError: It can't be written.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.new")
    try:
        _write_by_way_of(temporary, path, data, may_replace=may_replace)
    except OSError as error:
        error.filename, error.filename2 = str(path), None  # who reads of it never heard of the temporary one
        raise
    _sync_folder(path.parent)


def _write_by_way_of(temporary: Path, path: Path, data: bytes, *, may_replace: bool) -> None:
    temporary.unlink(missing_ok=True)
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        if may_replace:
            temporary.replace(path)
        else:
            path.hardlink_to(temporary)
    finally:
        temporary.unlink(missing_ok=True)


def remove_private(path: Path) -> None:
    """Remove a file, for good also after a power cut; it needn't be there.

    Raises:
        OSError: It can't be removed.
    """
    path.unlink(missing_ok=True)
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    """So that a name's coming or going survives a power cut, too."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
