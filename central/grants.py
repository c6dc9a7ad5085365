"""Offline rights: when a box gets its next grant, and what is in it.

The policy is the rules' `[offline]` table. A grant is due when the epoch has none, when the newest one's terms or
consigned vouchers are no longer right, when more than half of a ceiling is spent, or past half its life. It is sent
until the box's row says that it holds it; that row ends the one before. So at most two grants of an epoch are open at a
time while the box is heard, and what it may still accept unasked is at most the sum of their ceilings. Budgets to slice
have no programme yet; when they come, the sum of open slices and spends must stay within them by the same rule.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Connection

from central.books import book, grant_spent_minor
from central.store import grants, journal, unbooked
from central.store.devices import Device
from central.store.grants import IssuedGrant
from central.work import Work
from programme.events import GrantIssued
from programme.grants import Allowance, Consignment, Grant

MAX_CONSIGNED = 300
"""Vouchers per grant, all programmes together: a token is about 250 bytes in it, and a message at most 256 KiB."""


def grant_to_send(work: Work, device: Device, epoch: str) -> bytes | None:
    """The grant that the box should get now: one not received yet, or a new one if it is due.

    Only the newest epoch has grants, and only once its opening and all else that came of the box is booked: a grant is
    measured by what was spent and sold under the one before.
    """
    if unbooked.waits(work.db, device.device):
        return None
    if journal.latest_epoch(work.db, device.device) != epoch:
        return None
    if epoch not in journal.opened_epochs(work.db, device.device):
        return None
    newest = grants.newest(work.db, device.device, epoch)
    allowances = _allowances(work, device)
    if newest is not None:
        past_half = work.now >= _half_life(newest.grant)
        if not newest.received and not past_half:
            return newest.signed.encode()
        if not past_half and not _is_due(work.db, newest, allowances, most=_most_consigned(work)):
            return None
    if not allowances:
        return None
    return _issue(work, device, epoch, number=newest.grant.number + 1 if newest else 1, allowances=allowances)


def _issue(work: Work, device: Device, epoch: str, *, number: int, allowances: dict[str, Allowance]) -> bytes:
    issued_at = work.signed_time()
    days = min(work.newest_rules()[programme].offline.grant_days for programme in allowances)
    grant = Grant(
        device=device.device,
        epoch=epoch,
        number=number,
        issued_at=issued_at,
        ends_at=issued_at + timedelta(days=days),
        allowances=allowances,
    )
    signed = work.keys.sign(grant)
    grants.add(work.db, grant, signed.decode())
    work.record(GrantIssued(device=device.device, epoch=epoch, number=number, signed=signed.decode()))
    book(work)
    return signed


def _half_life(grant: Grant) -> datetime:
    return grant.issued_at + (grant.ends_at - grant.issued_at) / 2


def _is_due(db: Connection, newest: IssuedGrant, allowances: dict[str, Allowance], *, most: int) -> bool:
    held = newest.grant.allowances
    if held.keys() != allowances.keys():
        return True
    spent = grant_spent_minor(db, newest.grant.device, newest.grant.grant_id)
    for programme, wanted in allowances.items():
        allowance = held[programme]
        if (allowance.ceiling_minor, allowance.floor_limit_minor) != (wanted.ceiling_minor, wanted.floor_limit_minor):
            return True
        if 2 * spent.get(programme, 0) > allowance.ceiling_minor:
            return True
        if _lacks_vouchers(allowance.consigned, wanted.consigned, most=most):
            return True
    return False


def _lacks_vouchers(held: tuple[Consignment, ...], wanted: tuple[Consignment, ...], *, most: int) -> bool:
    """Whether vouchers wait that the held grant doesn't name; a full grant is refilled when half of it is sold."""
    usable = set(held) & set(wanted)
    missing = set(wanted) - set(held)
    return bool(missing) and (len(wanted) < most or 2 * len(usable) < most)


def _most_consigned(work: Work) -> int:
    """Each voucher programme's share of a grant."""
    programmes = [rules for rules in work.newest_rules().values() if rules.voucher is not None]
    return MAX_CONSIGNED // max(1, len(programmes))


def _allowances(work: Work, device: Device) -> dict[str, Allowance]:
    most = _most_consigned(work)
    return {
        programme: Allowance(
            ceiling_minor=rules.offline.ceiling_minor,
            floor_limit_minor=rules.offline.floor_limit_minor,
            consigned=grants.to_sell(work.db, device.device, programme, most=most) if rules.voucher is not None else (),
        )
        for programme, rules in work.newest_rules().items()
    }
