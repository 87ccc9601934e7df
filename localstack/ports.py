"""Ports of this machine: which are free, and how one is reserved for a server that starts."""

import contextlib
import socket
from collections.abc import Iterator

from localstack.errors import LocalError

ADDRESS = "127.0.0.1"
"""The address to which they belong."""

_USUAL_PORT = 4566


def choose_port(wanted: int | None) -> int:
    """Returns the port that a caller wants, or 0 for any free one.

    Args:
        wanted: A port, or 0 for any free one; None for the usual one, or a free one if that is
            taken.

    Raises:
        LocalError: The port is taken.
    """
    if wanted is None:
        wanted = _USUAL_PORT if is_free(_USUAL_PORT) else 0
    if not is_free(wanted):
        raise LocalError(f"Port {wanted} is taken; choose another with PORT=, or none.")
    return wanted


@contextlib.contextmanager
def held(port: int) -> Iterator[int]:
    """Reserves a port, or any free one for 0, for an emulator that starts.

    The emulator can listen on it meanwhile, since both sockets allow the reuse of an address.
    Another program that allows it and asks for any free port may be given the same one.

    Args:
        port: The port.
    """
    with socket.socket() as holder:
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        holder.bind((ADDRESS, port))
        chosen: int = holder.getsockname()[1]
        yield chosen


def is_free(port: int) -> bool:
    """Returns whether no program listens on a port.

    Args:
        port: The port.
    """
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((ADDRESS, port))
        except OSError:
            return False
    return True
