"""IP addresses and blocks as numbers, read the way event-ruler reads them."""

import re
from ipaddress import IPv6Address

_IPV4 = re.compile(r"(\d{1,9})\.(\d{1,9})\.(\d{1,9})\.(\d{1,9})", re.ASCII)
# event-ruler accepts hexadecimal groups only: neither a zone nor a dotted tail.
_IPV6 = re.compile(r"[0-9a-fA-F:]{2,39}")

Address = tuple[int, int]
"""The width in bits (32 or 128) and the number."""


def parse_address(text: str) -> Address | None:
    """Reads an IPv4 or IPv6 address; returns None for any other text.

    Args:
        text: Any string. The octets of an IPv4 address are decimal, and may have leading zeros.
    """
    if found := _IPV4.fullmatch(text):
        number = 0
        for octet in found.groups():
            if int(octet) > 255:
                return None
            number = number << 8 | int(octet)
        return 32, number
    if not _IPV6.fullmatch(text):
        return None
    try:
        return 128, int(IPv6Address(text))
    except ValueError:
        return None


def block_ends(width: int, bits: int, network: int) -> tuple[Address, Address]:
    """Returns the first and the last address of a block.

    Args:
        width: The length of its addresses, in bits.
        bits: The length of the prefix that they share, in bits.
        network: The prefix.
    """
    free = width - bits
    first = network << free
    return (width, first), (width, first + (1 << free) - 1)
