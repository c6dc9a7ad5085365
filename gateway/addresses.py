"""Under which of its addresses others of the shop's network find this machine."""

from __future__ import annotations

import fcntl
import socket
import struct
from collections.abc import Iterator

from gateway.guard import is_loopback_address

DISCARD = ("192.0.2.1", 9)
"""An address for documentation (RFC 5737): asking the way there sends nothing and tells which address leads out."""
_SIOCGIFADDR = 0x8915
_IFREQ = "16s4x4s16x"
"""Linux's `struct ifreq` with an IPv4 address (netdevice(7))."""


def address_for_others(reached: str = "", *, out: tuple[str, int] = DISCARD) -> str | None:
    """The address that leads out; without a way out the one that a call has reached, or the first of an interface.

    Args:
        reached: Where a caller found this machine.
        out: Where the way out leads.
    """
    candidates = (_address_towards(out), reached.removeprefix("::ffff:"), *addresses_of_interfaces())
    return next((address for address in candidates if address and not is_loopback_address(address)), None)


def addresses_of_interfaces() -> Iterator[str]:
    """The IPv4 address of each interface that has one."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        for _, name in socket.if_nameindex():
            try:
                answer = fcntl.ioctl(probe, _SIOCGIFADDR, struct.pack(_IFREQ, name.encode(), b""))
            except OSError:  # it has none
                continue
            yield socket.inet_ntoa(struct.unpack(_IFREQ, answer)[1])


def _address_towards(place: tuple[str, int]) -> str | None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(place)
        except OSError:
            return None
        return str(probe.getsockname()[0])
