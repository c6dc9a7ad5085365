"""Grants: what a box may do on its own when it can't ask, as signed by the centre."""

from __future__ import annotations

from dataclasses import dataclass

from programme.canonical import Instant, from_bytes
from programme.errors import NotUnderstood


@dataclass(frozen=True, slots=True, kw_only=True)
class Consignment:
    """A voucher entrusted to one box to sell; worthless until sold.

    Attributes:
        instrument: Its reference.
        token: The signed code to print, whole.
        face_minor: What it is worth, and costs.
    """

    instrument: str
    token: str
    face_minor: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowance:
    """A grant's terms for one programme.

    Attributes:
        ceiling_minor: Most that the box may accept in all without asking, under this grant.
        floor_limit_minor: Most per card.
        consigned: Vouchers it may sell.
    """

    ceiling_minor: int
    floor_limit_minor: int
    consigned: tuple[Consignment, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """Offline rights of one box, numbered per (device, epoch).

    A box holds one at a time: the first row that names the next one ends this one.

    Attributes:
        device: The box.
        epoch: The journal epoch it is for; a box in another epoch has no grant.
        number: Rises by one per epoch, from 1.
        issued_at: Central's time.
        ends_at: No stand-in after this.
        allowances: Terms by programme id.
    """

    device: str
    epoch: str
    number: int
    issued_at: Instant
    ends_at: Instant
    allowances: dict[str, Allowance]

    @property
    def grant_id(self) -> str:
        """How events name it: epoch and number, unique per device."""
        return f"{self.epoch}/{self.number}"


def read_signed_grant(signed: str) -> Grant:
    """The grant in a signed envelope; whoever received it has checked the signature.

    Raises:
        NotUnderstood: Not an envelope of a grant.
    """
    envelope: dict[str, str] = from_bytes(signed, dict[str, str])
    if "payload" not in envelope:
        raise NotUnderstood("not a signed grant")
    return from_bytes(envelope["payload"], Grant)
