"""This machine's own address on a network, for tests of what comes from there."""

from __future__ import annotations

import socket

import pytest

_DISCARD = ("192.0.2.1", 9)


def own_address_or_skip() -> str:
    """The address that leads out; asking the way to one for documentation (RFC 5737) sends nothing."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(_DISCARD)
            address = str(probe.getsockname()[0])
        except OSError:
            address = "127.0.0.1"
    if address.startswith("127."):
        pytest.skip("this machine is on no network: pairing was not tried over one")
    return address
