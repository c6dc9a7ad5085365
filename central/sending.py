"""What boxes are sent beside answers and acks: grants, configurations, commands, deltas; none of it too often."""

from __future__ import annotations

from datetime import datetime, timedelta

from central import configuration, grants, registry
from central.ports import Outgoing
from central.store import devices, instruments
from central.store.devices import Device
from central.work import Work
from sync import topics, wire
from sync.topics import Down

REPEAT_AFTER = timedelta(seconds=2)
"""The same resend or grant isn't sent to a box more often, so that no exchange becomes a busy loop."""


class Sending:
    """Remembers what was sent last, in this process."""

    def __init__(self, published: dict[str, int]) -> None:
        """Set up.

        Args:
            published: Registry versions that boxes needn't be told of: they see in the next ack that they lack them.
        """
        self._published = published
        self._sent_at: dict[tuple[str, bytes], datetime] = {}

    def once_in_a_while(self, work: Work, device: Device, channel: Down, payload: bytes) -> list[Outgoing]:
        """A message, unless it was sent just now."""
        self._sent_at = {key: at for key, at in self._sent_at.items() if at + REPEAT_AFTER > work.now}
        key = (device.device, payload)
        if key in self._sent_at:
            return []
        self._sent_at[key] = work.now
        return [down(work, device, channel, payload)]

    def forget(self, device: Device) -> None:
        """A box begins anew, and may have got nothing of what it was sent."""
        self._sent_at = {key: at for key, at in self._sent_at.items() if key[0] != device.device}

    def grant(self, work: Work, device: Device, epoch: str) -> list[Outgoing]:
        """The grant that the box should get now, if any."""
        signed = grants.grant_to_send(work, device, epoch)
        return [] if signed is None else self.once_in_a_while(work, device, Down.GRANT, signed)

    def configure(self, work: Work, device: Device) -> list[Outgoing]:
        """The newest configuration, unless the box has it."""
        presence = devices.presence(work.db, device.device)
        newest = configuration.current(work, device)
        if presence is not None and presence.config is not None and presence.config >= newest.version:
            return []
        return self.once_in_a_while(work, device, Down.CONFIG, newest.signed)

    def deltas(self, work: Work) -> tuple[list[Outgoing], dict[str, int]]:
        """What changed in the registries since it was published, and the versions to note once that is committed."""
        heads = instruments.heads(work.db)
        changed = [programme for programme, version in heads.items() if version > self._published.get(programme, 0)]
        outgoing = [
            Outgoing(topic=topics.registry(work.tenant, programme), payload=delta)
            for programme in changed
            for delta in registry.deltas(work, programme, since=self._published.get(programme, 0))
        ]
        return outgoing, heads

    def note_published(self, heads: dict[str, int]) -> None:
        """The deltas up to these versions are on their way."""
        self._published.update(heads)


def new_commands(work: Work) -> list[Outgoing]:
    """Commands that weren't sent yet."""
    replies = []
    for waiting in devices.take_commands(work.db):
        device = devices.find(work.db, waiting.device)
        assert device is not None
        replies.append(_command(work, device, waiting))
    return replies


def unreported_commands(work: Work, device: Device) -> list[Outgoing]:
    """Commands that the box hasn't reported on: it may not have got them."""
    return [_command(work, device, lost) for lost in devices.unreported_commands(work.db, device.device)]


def down(work: Work, device: Device, channel: Down, payload: bytes) -> Outgoing:
    """A message to a box."""
    return Outgoing(topic=device.address(work.tenant).down(channel), payload=payload)


def _command(work: Work, device: Device, command: wire.Command) -> Outgoing:
    return down(work, device, Down.COMMAND, work.keys.sign(command))
