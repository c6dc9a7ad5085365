"""Where others of the network find this machine."""

from __future__ import annotations

from gateway.addresses import address_for_others, addresses_of_interfaces
from gateway.guard import is_loopback_address
from tests.lan import own_address_or_skip

NOWHERE = ("255.255.255.255", 9)
"""No socket may send there unasked: as without a way out."""


def test_it_is_found_under_the_address_that_leads_out() -> None:
    assert address_for_others("10.0.0.9") == own_address_or_skip()


def test_without_a_way_out_it_is_found_where_the_call_reached_it() -> None:
    for reached in ("192.168.1.20", "::ffff:192.168.1.20"):
        assert address_for_others(reached, out=NOWHERE) == "192.168.1.20"


def test_a_call_of_its_own_says_nothing_then_an_interface_does() -> None:
    others = [address for address in addresses_of_interfaces() if not is_loopback_address(address)]

    for reached in ("127.0.0.1", "::1", ""):
        assert address_for_others(reached, out=NOWHERE) == (others[0] if others else None)


def test_interfaces_are_asked_for_their_addresses() -> None:
    assert own_address_or_skip() in list(addresses_of_interfaces())
