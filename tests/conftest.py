"""What holds for every test: those that need Mosquitto are skipped in plain words where it isn't installed."""

from __future__ import annotations

import pytest

from hardware_sim.broker import BrokerKind, installed_kind


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The same tests run on NATS, which comes with the Python packages, everywhere."""
    if installed_kind() is BrokerKind.MOSQUITTO:
        return
    absent = pytest.mark.skip(reason="Mosquitto is not installed; the same test ran on NATS")
    for item in items:
        callspec = getattr(item, "callspec", None)
        if callspec is not None and BrokerKind.MOSQUITTO in callspec.params.values():
            item.add_marker(absent)
