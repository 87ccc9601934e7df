"""IP addresses and blocks as numbers, read the way event-ruler reads them."""

import re
from ipaddress import IPv6Address

_IPV4 = re.compile(r"(\d{1,9})\.(\d{1,9})\.(\d{1,9})\.(\d{1,9})", re.ASCII)
# No zone and no dotted tail: event-ruler takes hexadecimal groups alone.
_IPV6 = re.compile(r"[0-9a-fA-F:]{2,39}")

Address = tuple[int, int]
"""The width in bits (32 or 128) and the number."""


def parse_address(text: str) -> Address | None:
    """Read an IPv4 or IPv6 address; None when the text is neither.

    Args:
        text: Any string. The octets of an IPv4 address are decimal, leading zeros or not.
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
    """The first and the last address of a block.

    Args:
        width: The width of its addresses in bits.
        bits: How many bits all of them share.
        network: These bits.
    """
    free = width - bits
    first = network << free
    return (width, first), (width, first + (1 << free) - 1)
