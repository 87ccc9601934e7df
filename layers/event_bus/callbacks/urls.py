"""Which callback URLs a subscription may name."""

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from urllib3.util import parse_url

from event_bus.callbacks.addresses import Network, literal, may_lead_to

MAX_URL_LENGTH = 2048

PORTS = (443, 8443)
"""The ports that callbacks may be sent to; on the local stage, any."""


@dataclass(frozen=True, slots=True)
class CallbackRules:
    """The callback URLs that a deployment allows.

    Attributes:
        own_host: The host of the bus's own API, in lower case; None if it is not known.
        allowed: Networks that callbacks may lead to although they are not public.
        local: Whether it is the local stage, where callbacks may be plain HTTP, to any port.
    """

    own_host: str | None = None
    allowed: Sequence[Network] = ()
    local: bool = False

    def check(self, url: str) -> None:
        """Refuses a URL that events must not be sent to.

        A host name is resolved and checked at each call; an address is checked here as well.

        Raises:
            ValueError: It is no absolute HTTPS URL to one of `PORTS` (on the local stage, HTTP or
                HTTPS to any), carries credentials or a fragment, holds characters that no URL may
                hold (RFC 3986), leads to the bus itself, or names an address that callbacks must
                not lead to.
        """
        if len(url) > MAX_URL_LENGTH:
            raise ValueError(f"must have at most {MAX_URL_LENGTH} characters")
        if not all("!" <= character <= "~" and character not in '<>"{}|\\^`' for character in url):
            raise ValueError("must be an ASCII URL; write other characters percent-encoded")
        try:
            parts = urlsplit(url)
            host, port = parts.hostname, parts.port
            # Requests are made by this parser, which refuses more: `https://a.example[::1]`.
            parse_url(url)
        except ValueError:
            raise ValueError("must be a URL with a valid host and port") from None
        schemes = ("https", "http") if self.local else ("https",)
        if parts.scheme not in schemes:
            raise ValueError(f"must begin with {' or '.join(f'{scheme}://' for scheme in schemes)}")
        # A zone is of one machine alone, and no name holds an escape.
        if not host or port == 0 or "%" in host:
            raise ValueError("must be a URL with a valid host and port")
        if not self.local and port not in (None, *PORTS):
            raise ValueError(f"must name the port {' or '.join(map(str, PORTS))}, or none")
        if "@" in parts.netloc:
            raise ValueError("must not carry credentials")
        if parts.fragment:
            raise ValueError("must not have a fragment")
        self._check_host(host)

    def _check_host(self, host: str) -> None:
        # Each attempt there would be a refused request to the bus.
        if host.rstrip(".") == self.own_host:
            raise ValueError("must not lead to the bus itself")
        if not all(may_lead_to(address, self.allowed) for address in literal(host)):
            raise ValueError(
                "must not name a private or reserved address, unless the deployment's setting "
                "callback_networks permits it"
            )
