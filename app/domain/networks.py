"""Which IP addresses can belong to a public server: none that IANA has reserved for another purpose.

Sources: the IANA IPv4 and IPv6 Special-Purpose Address Registries (RFC 6890), the IPv6 Address Space registry, and the
multicast registries. Blocks that a registry calls globally reachable are refused as well: relays, anycast services, and
benchmarking belong to the network, and nobody is notified there.
"""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Network = IPv4Network | IPv6Network
Address = IPv4Address | IPv6Address

_IPV4_RESERVED = {
    "0.0.0.0/8": "this network",
    "10.0.0.0/8": "private use",
    "100.64.0.0/10": "shared address space of carriers",
    "127.0.0.0/8": "loopback",
    "168.63.129.16/32": "the service of Azure's hosts, under a public address",
    "169.254.0.0/16": "link local, and the metadata of clouds",
    "172.16.0.0/12": "private use",
    "192.0.0.0/24": "IETF protocol assignments",
    "192.0.2.0/24": "documentation",
    "192.31.196.0/24": "AS112",
    "192.52.193.0/24": "AMT relays",
    "192.88.99.0/24": "6to4 relays, deprecated",
    "192.168.0.0/16": "private use",
    "192.175.48.0/24": "AS112, direct delegation",
    "198.18.0.0/15": "benchmarking",
    "198.51.100.0/24": "documentation",
    "203.0.113.0/24": "documentation",
    "224.0.0.0/4": "multicast",
    "240.0.0.0/4": "reserved, and limited broadcast",
}
_IPV6_GLOBAL_UNICAST = "2000::/3"
"""The only part of the address space from which IANA assigns global unicast addresses.

Outside of it lie `::1`, `::/96`, `::ffff:0:0/96`, `64:ff9b::/96`, `64:ff9b:1::/48`, `100::/64`, `5f00::/16`,
`fc00::/7`, `fe80::/10`, `fec0::/10`, and `ff00::/8`.
"""
_IPV6_RESERVED = {
    "2001::/23": "IETF protocol assignments: Teredo, benchmarking, AMT, AS112, ORCHID, DRIP",
    "2001:db8::/32": "documentation",
    "2002::/16": "6to4, with an IPv4 address inside",
    "2620:4f:8000::/48": "AS112, direct delegation",
    "3ffe::/16": "6bone, returned",
    "3fff::/20": "documentation",
}

_GLOBAL = IPv6Network(_IPV6_GLOBAL_UNICAST)
_RESERVED: tuple[Network, ...] = (*map(IPv4Network, _IPV4_RESERVED), *map(IPv6Network, _IPV6_RESERVED))


def address_of(text: str) -> Address | None:
    """The IP address in a text, or None. An IPv4-mapped address becomes the IPv4 address that it reaches."""
    try:
        address: Address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return address.ipv4_mapped or address if isinstance(address, IPv6Address) else address


def client_key(address: Address) -> str:
    """The key under which a client is counted: its IPv4 address, or its /64 network in IPv6."""
    return str(ip_network((address, 64), strict=False) if isinstance(address, IPv6Address) else address)


def lies_in(address: Address, networks: Iterable[Network]) -> bool:
    """True if one of the networks contains the address."""
    return any(address in network for network in networks if network.version == address.version)


def is_public(address: Address) -> bool:
    """True for a global unicast address outside of all reserved blocks."""
    if isinstance(address, IPv6Address) and address not in _GLOBAL:
        return False
    return not lies_in(address, _RESERVED)


def is_open_to_us(text: str, allowed: Iterable[Network]) -> bool:
    """True if a destination may have that IP address: it is public, or in a network that the operator allows."""
    address = address_of(text)
    return address is not None and (lies_in(address, allowed) or is_public(address))
