"""Which callback URLs a subscription may name."""

from urllib.parse import urlsplit

from event_bus.callbacks.addresses import literal, may_lead_to
from event_bus.settings import settings

MAX_URL_LENGTH = 2048

PORTS = (443, 8443)
"""The ports that callbacks may be sent to; on the local stage, any."""


def check_callback_url(url: str) -> None:
    """Refuses a URL that events must not be sent to.

    What a name leads to is judged when it is called, each time; what is an address, here as well.

    Raises:
        ValueError: It is no absolute HTTPS URL to one of `PORTS` (on the local stage, HTTP or HTTPS
            to any), carries credentials or a fragment, holds characters that no URL may hold
            (RFC 3986), leads to the bus itself, or names an address that callbacks must not lead
            to.
    """
    if len(url) > MAX_URL_LENGTH:
        raise ValueError(f"must have at most {MAX_URL_LENGTH} characters")
    if not all("!" <= character <= "~" and character not in '<>"{}|\\^`' for character in url):
        raise ValueError("must be an ASCII URL; write other characters percent-encoded")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise ValueError("must be a URL with a valid host and port") from None
    local = settings().local
    schemes = ("https", "http") if local else ("https",)
    if parts.scheme not in schemes:
        raise ValueError(f"must begin with {' or '.join(f'{scheme}://' for scheme in schemes)}")
    # A zone is of one machine alone, and no name holds an escape.
    if not host or port == 0 or "%" in host:
        raise ValueError("must be a URL with a valid host and port")
    if not local and port not in (None, *PORTS):
        raise ValueError(f"must name the port {' or '.join(map(str, PORTS))}, or none")
    if "@" in parts.netloc:
        raise ValueError("must not carry credentials")
    if parts.fragment:
        raise ValueError("must not have a fragment")
    _check_host(host)


def _check_host(host: str) -> None:
    # Each attempt there would be a refused request to the bus.
    if host.rstrip(".") == settings().own_host:
        raise ValueError("must not lead to the bus itself")
    allowed = settings().callback_networks
    if not all(may_lead_to(address, allowed) for address in literal(host)):
        raise ValueError("must not name a private or reserved address")
