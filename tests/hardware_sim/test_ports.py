"""Ports for twins: free, and never one that the kernel hands to clients."""

import socket
from pathlib import Path

from hardware_sim.ports import LOOPBACK, free_loopback_port


def test_the_port_can_be_listened_on() -> None:
    port = free_loopback_port()

    with socket.create_server((LOOPBACK, port)) as server:
        assert server.getsockname() == (LOOPBACK, port)


def test_the_port_is_outside_the_ephemeral_range_so_that_nobody_connects_to_himself() -> None:
    first, last = map(int, Path("/proc/sys/net/ipv4/ip_local_port_range").read_text(encoding="ascii").split())

    assert all(not first <= free_loopback_port() <= last for _ in range(20))
