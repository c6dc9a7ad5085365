"""Asks that central answered, what they reserve, and which were abandoned."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import Connection, func, insert, select, update

from central.store.bulk import among
from central.store.schema import ABANDONMENTS, AUTHORISATIONS
from programme.fold.books import InstrumentKey


@dataclass(frozen=True, slots=True, kw_only=True)
class Authorisation:
    """One ask and its answer.

    Attributes:
        ask: Canonical bytes of what was asked.
        answer: The signed answer, verbatim; a repeat gets the same.
        reserved_minor: Kept free on the instrument until it ends.
        ended: Its event or its abandonment has come, or nothing was approved.
    """

    authorisation: UUID
    device: str
    key: InstrumentKey
    ask: bytes
    answer: bytes
    approved: bool
    reserved_minor: int
    ended: bool
    target: UUID | None = None


def add(db: Connection, authorisation: Authorisation) -> None:
    """Store an answer."""
    db.execute(
        insert(AUTHORISATIONS).values(
            authorisation=str(authorisation.authorisation),
            device=authorisation.device,
            programme=authorisation.key[0],
            instrument=authorisation.key[1],
            target=str(authorisation.target) if authorisation.target else None,
            ask=authorisation.ask,
            answer=authorisation.answer,
            approved=authorisation.approved,
            reserved_minor=authorisation.reserved_minor,
            ended=authorisation.ended,
        )
    )


def find(db: Connection, authorisation: UUID) -> Authorisation | None:
    """One ask and its answer."""
    row = db.execute(select(AUTHORISATIONS).where(AUTHORISATIONS.c.authorisation == str(authorisation))).one_or_none()
    if row is None:
        return None
    return Authorisation(
        authorisation=UUID(row.authorisation),
        device=row.device,
        key=(row.programme, row.instrument),
        target=UUID(row.target) if row.target else None,
        ask=row.ask,
        answer=row.answer,
        approved=row.approved,
        reserved_minor=row.reserved_minor,
        ended=row.ended,
    )


def end(db: Connection, device: str, authorisation: UUID) -> None:
    """Its event or its abandonment came from the box that asked: nothing is reserved any more."""
    same = (AUTHORISATIONS.c.authorisation == str(authorisation)) & (AUTHORISATIONS.c.device == device)
    db.execute(update(AUTHORISATIONS).where(same).values(ended=True))


def open_of_device(db: Connection, device: str) -> tuple[UUID, ...]:
    """A box's approved asks that haven't ended."""
    query = select(AUTHORISATIONS.c.authorisation).where(AUTHORISATIONS.c.device == device, ~AUTHORISATIONS.c.ended)
    return tuple(UUID(found) for found in db.execute(query.order_by(AUTHORISATIONS.c.authorisation)).scalars())


def reserved_minor(db: Connection, key: InstrumentKey) -> int:
    """What open authorisations keep free on an instrument."""
    query = select(func.coalesce(func.sum(AUTHORISATIONS.c.reserved_minor), 0)).where(
        AUTHORISATIONS.c.programme == key[0], AUTHORISATIONS.c.instrument == key[1], ~AUTHORISATIONS.c.ended
    )
    return int(db.execute(query).scalar_one())


def is_void_open(db: Connection, key: InstrumentKey, target: UUID) -> bool:
    """Whether a void of this operation is approved and hasn't ended."""
    query = select(AUTHORISATIONS.c.authorisation).where(
        AUTHORISATIONS.c.programme == key[0],
        AUTHORISATIONS.c.instrument == key[1],
        AUTHORISATIONS.c.target == str(target),
        ~AUTHORISATIONS.c.ended,
    )
    return db.execute(query.limit(1)).one_or_none() is not None


def abandon(db: Connection, device: str, authorisation: UUID) -> None:
    """Remember for ever that a box gave an ask up."""
    if not is_abandoned(db, device, authorisation):
        db.execute(insert(ABANDONMENTS).values(device=device, authorisation=str(authorisation)))
    end(db, device, authorisation)


def is_abandoned(db: Connection, device: str, authorisation: UUID) -> bool:
    """Whether a box gave an ask up."""
    query = select(ABANDONMENTS.c.device).filter_by(device=device, authorisation=str(authorisation))
    return db.execute(query).one_or_none() is not None


def not_abandoned(db: Connection, device: str, authorisations: Collection[UUID]) -> set[UUID]:
    """Those of which it isn't known yet that a box gave them up."""
    query = select(ABANDONMENTS.c.authorisation).where(
        ABANDONMENTS.c.device == device, among(db, ABANDONMENTS.c.authorisation, authorisations)
    )
    return set(authorisations) - {UUID(found) for found in db.execute(query).scalars()}
