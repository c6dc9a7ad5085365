"""What holds for every test: those that need what isn't installed are skipped in plain words."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import settings

from hardware_sim.broker import BrokerKind, installed_kind
from hardware_sim.postgres import Postgres, binaries
from tests.brokers.stands import Stand

SLOW = ("tests/e2e/", "tests/torment/", "tests/page/")


def pytest_configure(config: pytest.Config) -> None:
    """No example of a property is late: the machine may have other work. And xdist keeps the order of the files."""
    settings.register_profile("unhurried", deadline=None)
    settings.load_profile("unhurried")
    config.option.loadscopereorder = False


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest go first, so that no worker ends alone; what isn't installed is left out."""
    items.sort(key=lambda item: not item.nodeid.startswith(SLOW))
    _leave_out_mosquitto(items)


def _leave_out_mosquitto(items: list[pytest.Item]) -> None:
    """The same tests run on NATS, which comes with the Python packages, everywhere."""
    if installed_kind() is BrokerKind.MOSQUITTO:
        return
    absent = pytest.mark.skip(reason="Mosquitto is not installed; the same test ran on NATS")
    for item in items:
        callspec = getattr(item, "callspec", None)
        if callspec is not None and any(_needs_mosquitto(value) for value in callspec.params.values()):
            item.add_marker(absent)


def _needs_mosquitto(value: object) -> bool:
    return value is BrokerKind.MOSQUITTO or (isinstance(value, Stand) and value.needs_mosquitto)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A PostgreSQL of this run's own."""
    programs = binaries()
    if programs is None:
        pytest.skip("PostgreSQL is not installed (apt install postgresql); the same test ran on SQLite")
    with Postgres(programs) as server:
        yield server
