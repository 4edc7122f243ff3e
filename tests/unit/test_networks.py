"""Which addresses destinations may have: global unicast ones, and nothing that IANA has set aside."""

from __future__ import annotations

from ipaddress import ip_network

import pytest

from app.domain.networks import is_open_to_us

RESERVED = [
    "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24",
    "192.0.2.0/24", "192.31.196.0/24", "192.52.193.0/24", "192.88.99.0/24", "192.168.0.0/16", "192.175.48.0/24",
    "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4", "255.255.255.255/32",
    "168.63.129.16/32", "::/128", "::1/128", "::/96", "::ffff:0:0/96", "64:ff9b::/96", "64:ff9b:1::/48", "100::/64",
    "100:0:0:1::/64", "2001::/23", "2001::/32", "2001:2::/48", "2001:3::/32", "2001:4:112::/48", "2001:10::/28",
    "2001:20::/28", "2001:30::/28", "2001:db8::/32", "2002::/16", "2620:4f:8000::/48", "3ffe::/16", "3fff::/20",
    "5f00::/16", "fc00::/7", "fe80::/10", "fec0::/10", "ff00::/8",
]  # fmt: skip
"""The IANA special-purpose registries, the multicast ranges, and site-local addresses."""
PUBLIC = [
    "1.1.1.1", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "172.15.255.255", "172.32.0.0",
    "192.0.1.1",
    "192.88.98.255", "192.88.100.0", "198.17.255.255", "198.20.0.0", "223.255.255.255", "2001:200::1",
    "2606:4700::1111",
    "2a00:1450:4001::1", "3ffd::1", "3fff:1000::1", "::ffff:1.1.1.1",
]  # fmt: skip


@pytest.mark.parametrize("block", [network for network in RESERVED if network != "::ffff:0:0/96"])
def test_a_reserved_block_is_closed_from_its_first_address_to_its_last(block: str) -> None:
    network = ip_network(block)
    middle = network.network_address + network.num_addresses // 2
    for address in (network.network_address, middle, network.broadcast_address):
        assert not is_open_to_us(str(address), ())
        if address.version == 4:
            assert not is_open_to_us(f"::ffff:{address}", ()), "mapped into IPv6"


@pytest.mark.parametrize("address", PUBLIC)
def test_a_global_address_beside_a_reserved_block_is_open(address: str) -> None:
    assert is_open_to_us(address, ())


@pytest.mark.parametrize(
    "address", ["", "localhost", "127.1", "0x7f000001", "2130706433", "010.0.0.1", "::1%lo", "1.1.1.1/32"]
)
def test_what_is_no_plain_address_is_closed(address: str) -> None:
    assert not is_open_to_us(address, ())


def test_an_operator_opens_networks_also_in_their_mapped_form() -> None:
    allowed = (ip_network("10.1.0.0/16"), ip_network("fd00::/8"))
    assert is_open_to_us("10.1.2.3", allowed) and is_open_to_us("::ffff:10.1.2.3", allowed)
    assert is_open_to_us("fd00::1", allowed)
    assert not is_open_to_us("10.2.0.1", allowed) and not is_open_to_us("fc00::1", allowed)
