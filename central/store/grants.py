"""Grants issued, and vouchers consigned to boxes."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import Connection, func, insert, select, update

from central.store.bulk import among
from central.store.schema import CONSIGNMENTS, GRANTS
from programme.fold.books import InstrumentKey
from programme.grants import Consignment, Grant, read_signed_grant
from programme.instants import to_us


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuedGrant:
    """A grant and where it stands.

    Attributes:
        signed: Verbatim.
        received: The box has journalled it.
    """

    grant: Grant
    signed: str
    received: bool


def add(db: Connection, grant: Grant, signed: str) -> None:
    """Store a grant just issued."""
    db.execute(
        insert(GRANTS).values(
            device=grant.device,
            epoch=grant.epoch,
            number=grant.number,
            grant_id=grant.grant_id,
            signed=signed,
            issued_at_us=to_us(grant.issued_at),
            ends_at_us=to_us(grant.ends_at),
            received=False,
            ended=False,
        )
    )


def newest(db: Connection, device: str, epoch: str) -> IssuedGrant | None:
    """The last grant issued to a box for an epoch."""
    query = select(GRANTS).where(GRANTS.c.device == device, GRANTS.c.epoch == epoch)
    row = db.execute(query.order_by(GRANTS.c.number.desc()).limit(1)).one_or_none()
    if row is None:
        return None
    return IssuedGrant(grant=read_signed_grant(row.signed), signed=row.signed, received=row.received)


def find(db: Connection, device: str, grant_id: str) -> Grant | None:
    """A grant by the name that events give it."""
    query = select(GRANTS.c.signed).where(GRANTS.c.device == device, GRANTS.c.grant_id == grant_id)
    signed: str | None = db.execute(query).scalar_one_or_none()
    return None if signed is None else read_signed_grant(signed)


def receive(db: Connection, device: str, *, epoch: str, number: int) -> None:
    """The box's row came: it holds this grant, and the ones before are over."""
    theirs = (GRANTS.c.device == device) & (GRANTS.c.epoch == epoch)
    db.execute(update(GRANTS).where(theirs, GRANTS.c.number == number).values(received=True))
    db.execute(update(GRANTS).where(theirs, GRANTS.c.number < number).values(ended=True))


def open_ones(db: Connection) -> list[Grant]:
    """Grants that a box may still be using, of every epoch."""
    query = select(GRANTS.c.signed).where(~GRANTS.c.ended)
    ordered = query.order_by(GRANTS.c.device, GRANTS.c.epoch, GRANTS.c.number)
    return [read_signed_grant(signed) for signed in db.execute(ordered).scalars()]


def consign(db: Connection, key: InstrumentKey, *, device: str, token: str, face_minor: int) -> None:
    """Entrust a voucher to a box."""
    db.execute(
        insert(CONSIGNMENTS).values(
            programme=key[0], instrument=key[1], device=device, token=token, face_minor=face_minor, to_sell=True
        )
    )


def note_to_sell(db: Connection, programme: str, instruments: Collection[str], *, to_sell: bool) -> None:
    """Note of instruments whose entry changed whether they wait to be sold; most were consigned to nobody."""
    theirs = (CONSIGNMENTS.c.programme == programme, among(db, CONSIGNMENTS.c.instrument, instruments))
    db.execute(update(CONSIGNMENTS).where(*theirs).values(to_sell=to_sell))


def to_sell(db: Connection, device: str, programme: str, *, most: int) -> tuple[Consignment, ...]:
    """The oldest vouchers entrusted to a box that nobody has sold."""
    query = select(CONSIGNMENTS).where(
        CONSIGNMENTS.c.device == device, CONSIGNMENTS.c.programme == programme, CONSIGNMENTS.c.to_sell
    )
    return tuple(
        Consignment(instrument=row.instrument, token=row.token, face_minor=row.face_minor)
        for row in db.execute(query.order_by(CONSIGNMENTS.c.number).limit(most))
    )


def last_consignment(db: Connection) -> int:
    """Rises with every consignment."""
    return int(db.execute(select(func.coalesce(func.max(CONSIGNMENTS.c.number), 0))).scalar_one())
