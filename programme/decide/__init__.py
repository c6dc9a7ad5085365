"""The counter's decision: a command and what is known, to an event or a refusal. Pure.

Central was asked first when it could be. With its answer the decision is central's; without, the box stands in within
its grant. Earns and sales of consigned vouchers need no answer: the fold limits the first, the grant the second.
"""

from __future__ import annotations

from programme.decide.card import earn, pending_minor, spend, spendable_minor
from programme.decide.case import Accepted, Answered, Command, Decision, Earn, Facts, Redeem, Refused, Sell, Void
from programme.decide.void import void
from programme.decide.voucher import redeem_voucher, sell, voucher_face
from programme.refusals import refusal_from_json
from programme.state import OperationKind, Records, open_operation

__all__ = [
    "Accepted",
    "Answered",
    "Command",
    "Decision",
    "Earn",
    "Facts",
    "Redeem",
    "Refused",
    "Sell",
    "Void",
    "decide",
    "must_ask",
    "pending_minor",
    "spendable_minor",
    "voucher_face",
]


def must_ask(command: Command, facts: Facts, records: Records) -> bool:
    """Whether central is to be asked before deciding, when it can be reached."""
    if facts.counter.training:
        return False
    match command:
        case Redeem():
            return True
        case Void(target=target):
            operation = open_operation(records, target)
            return operation is not None and operation.kind is not OperationKind.REDEEMED and not facts.never_sent
    return False


def decide(command: Command, facts: Facts, records: Records) -> Decision:
    """Decide; the same arguments always give the same decision."""
    if facts.answered is not None and not facts.answered.answer.approved:
        return Refused(refusal=refusal_from_json(facts.answered.answer.refusal or {}))
    match command:
        case Earn():
            return earn(command, facts)
        case Redeem():
            return redeem_voucher(command, facts, records) if facts.rules.voucher else spend(command, facts, records)
        case Sell():
            return sell(command, facts, records)
        case Void():
            return void(command, facts, records)
