"""Real brokers that are started, killed and started again."""

import os
import queue
from pathlib import Path

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from hardware_sim.broker import Broker, BrokerKind, installed_kind
from hardware_sim.errors import BrokerError

WAIT_S = 10.0


def installed_kinds() -> list[BrokerKind]:
    kinds = []
    for kind in BrokerKind:
        try:
            Broker(folder=Path(), kind=kind)
        except BrokerError:
            continue
        kinds.append(kind)
    return kinds


@pytest.fixture(params=installed_kinds(), ids=lambda kind: kind.value)
def kind(request: pytest.FixtureRequest) -> BrokerKind:
    assert isinstance(request.param, BrokerKind)
    return request.param


def exchange(broker: Broker, payload: bytes) -> bytes:
    """Publish a message to oneself."""
    received: queue.Queue[bytes] = queue.Queue()
    subscribed: queue.Queue[None] = queue.Queue()
    client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="test")
    client.on_message = lambda _client, _data, message: received.put(bytes(message.payload))
    client.on_subscribe = lambda *_: subscribed.put(None)
    client.connect(broker.host, broker.port)
    client.loop_start()
    try:
        client.subscribe("comptoir/test", qos=1)
        subscribed.get(timeout=WAIT_S)
        client.publish("comptoir/test", payload, qos=1)
        return received.get(timeout=WAIT_S)
    finally:
        client.disconnect()
        client.loop_stop()


def test_some_broker_is_installed_for_tests() -> None:
    assert installed_kinds()
    assert installed_kind() in installed_kinds()


def test_it_carries_messages_once_started(kind: BrokerKind, tmp_path: Path) -> None:
    with Broker(folder=tmp_path, kind=kind) as broker:
        assert exchange(broker, b"hello") == b"hello"


def test_killed_it_comes_back_on_the_same_port(kind: BrokerKind, tmp_path: Path) -> None:
    with Broker(folder=tmp_path, kind=kind) as broker:
        port = broker.port

        broker.kill()
        assert not broker.running
        broker.start()

        assert broker.port == port
        assert exchange(broker, b"again") == b"again"


def test_stopped_nothing_is_left_running(kind: BrokerKind, tmp_path: Path) -> None:
    with Broker(folder=tmp_path, kind=kind) as broker:
        pass

    assert not broker.running
    with pytest.raises(ConnectionRefusedError):
        exchange(broker, b"nobody")


def test_a_port_that_another_program_holds_is_refused(kind: BrokerKind, tmp_path: Path) -> None:
    with Broker(folder=tmp_path / "first", kind=kind) as first:
        second = Broker(folder=tmp_path / "second", kind=kind, port=first.port)

        with pytest.raises(BrokerError, match="is in use"):
            second.start()

        assert exchange(first, b"undisturbed") == b"undisturbed"


def test_a_broker_that_ends_at_once_says_so(kind: BrokerKind, tmp_path: Path) -> None:
    (tmp_path / "mosquitto.db").write_text("not a store")
    (tmp_path / "jetstream").write_text("not a folder")
    broker = Broker(folder=tmp_path, kind=kind)

    with pytest.raises(BrokerError, match=f"{kind.value} ended with code .*: .+"):
        broker.start()

    assert not broker.running


@pytest.mark.skipif(BrokerKind.MOSQUITTO not in installed_kinds(), reason="Mosquitto is not installed")
def test_mosquitto_saves_its_store_where_it_was_told(tmp_path: Path) -> None:
    with Broker(folder=tmp_path, kind=BrokerKind.MOSQUITTO) as broker:
        exchange(broker, b"hello")

    assert (tmp_path / "mosquitto.db").exists()
    assert (tmp_path / "mosquitto.db").stat().st_uid == os.geteuid()
