"""Decides which addresses callbacks may lead to.

A client chooses the URL of a callback. It must not lead to what only the bus can reach: its own
network, the metadata of its host, other machines near it. Python's `is_global` permits several of
these, so this module lists every range.

IPv6 addresses are allowed only if IANA has assigned them to global unicast
(https://www.iana.org/assignments/ipv6-address-space), and they are not special-purpose addresses
(https://www.iana.org/assignments/iana-ipv6-special-registry). IPv4 addresses are allowed unless
they are special-purpose addresses (https://www.iana.org/assignments/iana-ipv4-special-registry).
"""

import socket
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

_FORBIDDEN: tuple[Network, ...] = tuple(
    ip_network(network)
    for network in (
        "0.0.0.0/8",  # this network (RFC 791)
        "10.0.0.0/8",  # private (RFC 1918)
        "100.64.0.0/10",  # shared with carriers (RFC 6598)
        "127.0.0.0/8",  # loopback (RFC 1122)
        "168.63.129.16/32",  # a cloud's own services
        "169.254.0.0/16",  # link-local (RFC 3927), with the metadata of AWS and others
        "172.16.0.0/12",  # private (RFC 1918)
        "192.0.0.0/24",  # protocol assignments (RFC 6890)
        "192.0.2.0/24",  # documentation (RFC 5737)
        "192.31.196.0/24",  # AS112 (RFC 7535)
        "192.52.193.0/24",  # multicast tunnels (RFC 7450)
        "192.88.99.0/24",  # relays of 6to4 (RFC 7526)
        "192.168.0.0/16",  # private (RFC 1918)
        "192.175.48.0/24",  # AS112 (RFC 7534)
        "198.18.0.0/15",  # benchmarks (RFC 2544)
        "198.51.100.0/24",  # documentation (RFC 5737)
        "203.0.113.0/24",  # documentation (RFC 5737)
        "224.0.0.0/4",  # multicast (RFC 1112)
        "240.0.0.0/4",  # reserved, and broadcast (RFC 1112, RFC 919)
        "2001::/23",  # protocol assignments, among them Teredo (RFC 2928, RFC 4380)
        "2001:db8::/32",  # documentation (RFC 3849)
        "2002::/16",  # 6to4 (RFC 3056)
        "2620:4f:8000::/48",  # AS112 (RFC 7534)
        "3fff::/20",  # documentation (RFC 9637)
    )
)

_ASSIGNED = IPv6Network("2000::/3")  # global unicast (RFC 4291)
_MAPPED = IPv6Network("::ffff:0:0/96")
_NAT64 = IPv6Network("64:ff9b::/96")
# An interface identifier that holds an IPv4 address (ISATAP, RFC 5214, 6.1).
_ISATAP = frozenset({0x00005EFE, 0x02005EFE})
_LOW_32 = 0xFFFFFFFF


def may_lead_to(address: str, allowed: Iterable[Network] = ()) -> bool:
    """Returns whether callbacks may be sent to an address.

    Args:
        address: The address, as a resolver gives it.
        allowed: Networks that are allowed although their addresses are not public.
    """
    found = ip_address(address.partition("%")[0])
    if any(found in network for network in allowed):
        return True
    if isinstance(found, IPv6Address):
        if (embedded := _embedded(found)) is not None:
            return may_lead_to(str(embedded), allowed)
        if found not in _ASSIGNED:
            return False
    return not any(found in network for network in _FORBIDDEN)


def literal(host: str) -> list[str]:
    """Returns the addresses that a host is a spelling of; none if it is a name.

    Decimal, octal, hexadecimal and short forms are spellings, too. The resolver decides what is an
    address, because connections use its result.
    """
    try:
        found = socket.getaddrinfo(host, None, flags=socket.AI_NUMERICHOST)
    except (socket.gaierror, UnicodeError):
        return []
    return [str(each[4][0]) for each in found]


def _embedded(address: IPv6Address) -> IPv4Address | None:
    """Returns the IPv4 address to which packets for an IPv6 address go, if it contains one."""
    low = IPv4Address(int(address) & _LOW_32)
    if address in _MAPPED or address in _NAT64:
        return low
    isatap = (int(address) >> 32) & _LOW_32 in _ISATAP
    # In a public address, these bits may be a coincidence. They count only if they would lead to a
    # forbidden address.
    return low if isatap and not may_lead_to(str(low)) else None
