"""Run a program of ours that dies at a chosen step: `python -m tests.e2e.dying STEP MODULE [ARGUMENT…]`.

The program runs unchanged but for one function, which is wrapped from outside: just before or just after its call that
makes the step, the process kills itself with SIGKILL, as the kernel's memory killer would. Nothing in the program knows
of it.
"""

from __future__ import annotations

import functools
import importlib
import inspect
import os
import signal
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from paho.mqtt.client import MQTTMessageInfo

from programme.events import EVENT_TYPES, OPERATIONS, EventData, GrantReceived
from sync.errors import Unreadable
from sync.journal import Journal
from sync.journal.transaction import Session
from sync.wire import Ack, decode_payload, read_signed

_TAKEN_WITHIN_S = 10.0
Applies = Callable[..., bool]


class Moment(Enum):
    """When in a call the process dies."""

    BEFORE = "before"
    AFTER = "after"


def _always(*_: object, **__: object) -> bool:
    return True


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """Where a program dies.

    Attributes:
        function: "module:name" or "module:Class.method", as its callers reach it.
        applies: Whether a call with these arguments makes the step; asked before the call.
        awaited: What must have come of the call's result, for a death after it.
    """

    function: str
    moment: Moment
    applies: Applies = _always
    awaited: Callable[[Any], None] | None = None


def _appends_operation(_tx: object, _event_id: object, data: EventData, **_: object) -> bool:
    return isinstance(data, OPERATIONS)


def _commits(*kinds: type[EventData]) -> Applies:
    """Whether a journal's transaction ends with a row of these kinds."""

    def applies(session: Session) -> bool:
        if session.standing.place == session.committed.place:
            return False
        (kind,) = session.connection.execute("SELECT type FROM rows ORDER BY position DESC LIMIT 1").fetchone()
        return EVENT_TYPES[kind] in kinds

    return applies


def _on(suffix: str) -> Applies:
    """Whether a message is published, or came, on such a topic."""

    def applies(_owner: object, topic: str, *_: object, **__: object) -> bool:
        return topic.endswith(suffix)

    return applies


def _outgoing(suffix: str) -> Applies:
    def applies(_service: object, message: Any) -> bool:  # noqa: ANN401 - central.ports.Outgoing
        return bool(message.topic.endswith(suffix))

    return applies


def _moves_watermark(journal: Journal, ack: Ack, _signed: str) -> bool:
    return ack.epoch == journal.epoch and ack.seq > journal.watermark.seq


class _NewAck:
    """Whether an ack says more than the one that welcomed the box."""

    def __init__(self) -> None:
        self._first: dict[str, int] = {}

    def __call__(self, _client: object, topic: str, payload: bytes, *_: object, **__: object) -> bool:
        if not topic.endswith("/down/ack"):
            return False
        try:
            ack = decode_payload(read_signed(payload).payload, Ack)
        except Unreadable:
            return False
        return ack.seq > self._first.setdefault(ack.epoch, ack.seq)


def _taken_by_the_broker(info: MQTTMessageInfo) -> None:
    info.wait_for_publish(_TAKEN_WITHIN_S)


_APPEND = "sync.journal.transaction:Transaction.append"
_COMMIT = "sync.journal.transaction:Session.commit"
_ACKNOWLEDGE = "sync.journal.journal:Journal.acknowledge"
_DELTA = "sync.journal.journal:Journal.apply_delta"
_KEEP = "gateway.inbound:keep_configuration"
_PRINT = "gateway.spooler:Spooler._send"
_GIVE = "sync.mqtt:MqttLink.publish"
_PUBLISH = "paho.mqtt.client:Client.publish"
_HANDLE = "central.handler:Handler.handle"
_REPLY = "central.service:Service._publish"


def _published(suffix: str) -> Step:
    """Dies once the broker has said that it has the message."""
    return Step(function=_PUBLISH, moment=Moment.AFTER, applies=_on(suffix), awaited=_taken_by_the_broker)


BOX_STEPS: Mapping[str, Step] = {
    "before an operation is appended": Step(function=_APPEND, moment=Moment.BEFORE, applies=_appends_operation),
    "after the append, before the commit": Step(function=_APPEND, moment=Moment.AFTER, applies=_appends_operation),
    "after the commit, before the answer to the till": Step(
        function=_COMMIT, moment=Moment.AFTER, applies=_commits(*OPERATIONS)
    ),
    "before a batch is given to the link": Step(function=_GIVE, moment=Moment.BEFORE, applies=_on("/up/journal")),
    "after a batch was given to the link": Step(function=_GIVE, moment=Moment.AFTER, applies=_on("/up/journal")),
    "after a batch was published": _published("/up/journal"),
    "before an ack is applied": Step(function=_ACKNOWLEDGE, moment=Moment.BEFORE, applies=_moves_watermark),
    "after an ack was applied": Step(function=_ACKNOWLEDGE, moment=Moment.AFTER, applies=_moves_watermark),
    "before an ask leaves": Step(function=_GIVE, moment=Moment.BEFORE, applies=_on("/up/ask")),
    "after an ask left": _published("/up/ask"),
    "after the answer came, before its row": Step(function="gateway.asking:Asking.take_answer", moment=Moment.AFTER),
    "after the row of an answer": Step(function=_COMMIT, moment=Moment.AFTER, applies=_commits(*OPERATIONS)),
    "before a grant is recorded": Step(function="gateway.inbound:Inbound._grant", moment=Moment.BEFORE),
    "after a grant's append, before the commit": Step(
        function=_COMMIT, moment=Moment.BEFORE, applies=_commits(GrantReceived)
    ),
    "after a grant was recorded": Step(function=_COMMIT, moment=Moment.AFTER, applies=_commits(GrantReceived)),
    "before a registry delta is applied": Step(function=_DELTA, moment=Moment.BEFORE),
    "after a registry delta was applied": Step(function=_DELTA, moment=Moment.AFTER),
    "in the middle of a registry snapshot": Step(function="sync.journal.replica:load", moment=Moment.AFTER),
    "before a configuration is kept": Step(function=_KEEP, moment=Moment.BEFORE),
    "after a configuration was kept": Step(function=_KEEP, moment=Moment.AFTER),
    "before the birth is published": Step(function=_GIVE, moment=Moment.BEFORE, applies=_on("/up/presence")),
    "after the birth was published": _published("/up/presence"),
    "before a report is published": Step(function=_GIVE, moment=Moment.BEFORE, applies=_on("/up/report")),
    "after a report was published": _published("/up/report"),
    "before a new epoch is committed": Step(function="sync.journal.journal:open_epoch", moment=Moment.AFTER),
    "after a new epoch was committed": Step(function="sync.journal.journal:Journal.open_epoch", moment=Moment.AFTER),
    "before a print job's first byte": Step(function=_PRINT, moment=Moment.BEFORE),
    "after a print job's last byte": Step(function=_PRINT, moment=Moment.AFTER),
}

CENTRAL_STEPS: Mapping[str, Step] = {
    "a batch came, before its transaction": Step(function=_HANDLE, moment=Moment.BEFORE, applies=_on("/up/journal")),
    "a batch was booked, before the commit": Step(function="central.batches:ingest", moment=Moment.AFTER),
    "a batch was committed, before the ack": Step(function=_HANDLE, moment=Moment.AFTER, applies=_on("/up/journal")),
    "the ack was published": Step(
        function=_PUBLISH, moment=Moment.AFTER, applies=_NewAck(), awaited=_taken_by_the_broker
    ),
    "an ask came, before its transaction": Step(function=_HANDLE, moment=Moment.BEFORE, applies=_on("/up/ask")),
    "an ask was decided, before the commit": Step(function="central.handler:authorise", moment=Moment.AFTER),
    "an ask was committed, before the answer": Step(function=_HANDLE, moment=Moment.AFTER, applies=_on("/up/ask")),
    "the answer was published": _published("/down/answer"),
    "before a resend is published": Step(function=_REPLY, moment=Moment.BEFORE, applies=_outgoing("/down/resend")),
    "a resend was published": _published("/down/resend"),
    "before a grant is published": Step(function=_REPLY, moment=Moment.BEFORE, applies=_outgoing("/down/grant")),
    "a grant was published": _published("/down/grant"),
    "before a registry delta is published": Step(function=_REPLY, moment=Moment.BEFORE, applies=_outgoing("/registry")),
    "a registry delta was published": _published("/registry"),
    "before a configuration is published": Step(
        function=_REPLY, moment=Moment.BEFORE, applies=_outgoing("/down/config")
    ),
    "a configuration was published": _published("/down/config"),
}


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _deadly(function: Callable[..., Any], step: Step) -> Callable[..., Any]:
    def begin(*arguments: object, **options: object) -> bool:
        makes_it = step.applies(*arguments, **options)
        if makes_it and step.moment is Moment.BEFORE:
            _die()
        return makes_it

    def finish(result: object) -> None:
        if step.awaited is not None:
            step.awaited(result)
        _die()

    @functools.wraps(function)
    async def call_and_wait(*arguments: object, **options: object) -> object:
        makes_it = begin(*arguments, **options)
        result = await function(*arguments, **options)
        if makes_it:
            finish(result)
        return result

    @functools.wraps(function)
    def call(*arguments: object, **options: object) -> object:
        makes_it = begin(*arguments, **options)
        result = function(*arguments, **options)
        if makes_it:
            finish(result)
        return result

    return call_and_wait if inspect.iscoroutinefunction(function) else call


def arm(step: Step) -> None:
    """Wrap the step's function."""
    module, _, path = step.function.partition(":")
    owner: Any = importlib.import_module(module)
    *owners, name = path.split(".")
    for attribute in owners:
        owner = getattr(owner, attribute)
    setattr(owner, name, _deadly(getattr(owner, name), step))


def main(arguments: list[str]) -> int:
    """Arm a step and run a program."""
    name, module, *rest = arguments
    arm({**BOX_STEPS, **CENTRAL_STEPS}[name])
    return int(importlib.import_module(module).main(rest))


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
