"""Central's secrets: files that only their owner may read, in the data directory's `keys` folder.

The signing key signs messages to boxes, the token key signs codes; each programme has a key that turns serials into
references. Nothing of this is in the database, so a copy of the database alone forges no message and no code. It does
hold the codes of vouchers consigned to boxes, which are worth their value once sold: it is for its owner only, too.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from central.errors import KeysError
from sync.chain import b64
from sync.wire import CONTEXTS, sign_message

SIGNING_KEY_ID = "central-1"
TOKEN_KEY_ID = "1"
"""Short: it is in every token."""

_FOLDER = "keys"
_KEY_BYTES = 32
_NEW = (SIGNING_KEY_ID, f"token-{TOKEN_KEY_ID}")
"""What a new centre has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Keys:
    """What central signs with, and what it makes references with."""

    signing: Ed25519PrivateKey
    token: Ed25519PrivateKey
    references: dict[str, bytes]

    @property
    def signing_public(self) -> str:
        """The signing key's public half, base64url."""
        return public_text(self.signing)

    def sign(self, message: object) -> bytes:
        """Sign one of `sync.wire`'s messages."""
        return self.sign_as(CONTEXTS[type(message)], message)

    def sign_as(self, context: str, message: object) -> bytes:
        """Sign a message of another kind."""
        return sign_message(message, context=context, key_id=SIGNING_KEY_ID, key=self.signing)


def public_text(key: Ed25519PrivateKey) -> str:
    """A key's public half, base64url."""
    return b64(key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw))


def create_keys(data_dir: Path) -> None:
    """Make the keys of a new centre.

    Raises:
        KeysError: They are there already, or can't be written.
    """
    for name in _NEW:
        _write(_path(data_dir, name), secrets.token_bytes(_KEY_BYTES))


def discard_keys(data_dir: Path) -> None:
    """Undo `create_keys`, for a centre that came to nothing."""
    for name in _NEW:
        _path(data_dir, name).unlink(missing_ok=True)


def create_reference_key(data_dir: Path, programme: str) -> None:
    """Make a programme's reference key; one that is there stays, for every reference depends on it.

    Raises:
        KeysError: It can't be written.
    """
    path = _path(data_dir, f"reference-{programme}")
    if not path.exists():
        _write(path, secrets.token_bytes(_KEY_BYTES))


def load_keys(data_dir: Path, programmes: Iterable[str]) -> Keys:
    """Read the keys.

    Raises:
        KeysError: One is missing or damaged.
    """
    return Keys(
        signing=Ed25519PrivateKey.from_private_bytes(_read(_path(data_dir, SIGNING_KEY_ID))),
        token=Ed25519PrivateKey.from_private_bytes(_read(_path(data_dir, f"token-{TOKEN_KEY_ID}"))),
        references={programme: _read(_path(data_dir, f"reference-{programme}")) for programme in programmes},
    )


def _path(data_dir: Path, name: str) -> Path:
    return data_dir / _FOLDER / f"{name}.key"


def _read(path: Path) -> bytes:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise KeysError(f"{path}: can't read the key ({error.strerror}); restore it from the backup") from None
    if len(data) != _KEY_BYTES:
        raise KeysError(f"{path}: not a key of {_KEY_BYTES} bytes; restore it from the backup")
    return data


def _write(path: Path, data: bytes) -> None:
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise KeysError(f"{path}: can't write the key ({error.strerror}); nothing was replaced") from None
