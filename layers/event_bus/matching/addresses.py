"""IP addresses and blocks as numbers, read the way event-ruler reads them."""

import re
from socket import AF_INET6, inet_pton

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
        first, second, third, fourth = map(int, found.groups())
        if max(first, second, third, fourth) > 255:
            return None
        return 32, first << 24 | second << 16 | third << 8 | fourth
    if not _IPV6.fullmatch(text):
        return None
    try:
        return 128, int.from_bytes(inet_pton(AF_INET6, text), "big")
    except OSError:
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
