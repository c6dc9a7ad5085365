"""The brokers that the tests of the wire run on: one of each kind, or all of them (COMPTOIR_BROKERS=all)."""

from __future__ import annotations

import os
from enum import Enum
from pathlib import Path

from hardware_sim.broker import AnyBroker, Broker, BrokerKind
from hardware_sim.cluster import NatsCluster
from hardware_sim.front import OldMosquitto


class Stand(Enum):
    """A broker, or several that are one."""

    MOSQUITTO = "mosquitto"
    OLD_MOSQUITTO = "mosquitto-3.1.1"
    NATS = "nats"
    NATS_CLUSTER = "nats-cluster"

    @property
    def needs_mosquitto(self) -> bool:
        """Whether it can't be had from Python's packages alone."""
        return self in (Stand.MOSQUITTO, Stand.OLD_MOSQUITTO)

    def make(self, folder: Path) -> AnyBroker:
        """One in a folder, not started."""
        match self:
            case Stand.MOSQUITTO:
                return Broker(folder=folder, kind=BrokerKind.MOSQUITTO)
            case Stand.OLD_MOSQUITTO:
                return OldMosquitto(folder=folder)
            case Stand.NATS:
                return Broker(folder=folder, kind=BrokerKind.NATS)
            case Stand.NATS_CLUSTER:
                return NatsCluster(folder=folder)


def chosen(*by_default: Stand) -> list[Stand]:
    """These, or all where the environment asks for all."""
    return list(Stand) if os.environ.get("COMPTOIR_BROKERS") == "all" else list(by_default)


def name_of(stand: Stand) -> str:
    """For a test's id."""
    return stand.value
