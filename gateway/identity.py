"""Who this box is: its address, its journal key, and whose signatures it trusts."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from edge_config.enrolment import load_enrolment, load_journal_key
from edge_config.messages import Enrolment
from gateway.errors import EnrolmentUnusable
from sync.chain import unb64
from sync.errors import BadSignature
from sync.topics import BoxAddress

SOFTWARE = "comptoir 0.1.0"


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """An enrolled box.

    Attributes:
        address: Where it lives on the wire.
        central_keys: Central's public keys, by key id.
    """

    address: BoxAddress
    enrolment: Enrolment
    journal_key: Ed25519PrivateKey
    central_keys: dict[str, Ed25519PublicKey]

    @property
    def device(self) -> str:
        """The box's id: source of its events, key id of its signatures."""
        return self.address.device


def identify(enrolment: Enrolment, journal_key: Ed25519PrivateKey) -> Identity:
    """Join what an enrolment says with the box's own key.

    Raises:
        EnrolmentUnusable: Central's key in it is no key.
    """
    try:
        central_key = Ed25519PublicKey.from_public_bytes(unb64(enrolment.central_key))
    except (BadSignature, ValueError):
        raise EnrolmentUnusable(
            "The enrolment names no usable key of central: ask central for a new enrolment."
        ) from None
    return Identity(
        address=BoxAddress(tenant=enrolment.tenant, shard=enrolment.shard, device=enrolment.device),
        enrolment=enrolment,
        journal_key=journal_key,
        central_keys={enrolment.central_key_id: central_key},
    )


def load_identity(data_dir: Path) -> Identity:
    """Read the box's identity from its data folder.

    Raises:
        EnrolmentError: It isn't enrolled, or a file is damaged.
        EnrolmentUnusable: The enrolment can't be used.
    """
    return identify(load_enrolment(data_dir), load_journal_key(data_dir))
