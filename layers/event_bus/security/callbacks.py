"""Which callback URLs a subscription may name."""

from urllib.parse import urlsplit

from event_bus.settings import settings

MAX_URL_LENGTH = 2048


def check_callback_url(url: str) -> None:
    """Refuses a URL that events must not be sent to.

    Raises:
        ValueError: It is no absolute HTTPS URL (on the local stage, HTTP or HTTPS), carries
            credentials or a fragment, or holds characters that no URL may hold (RFC 3986).
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
    schemes = ("https", "http") if settings().local else ("https",)
    if parts.scheme not in schemes:
        raise ValueError(f"must begin with {' or '.join(f'{scheme}://' for scheme in schemes)}")
    if not host or port == 0:
        raise ValueError("must be a URL with a valid host and port")
    if "@" in parts.netloc:
        raise ValueError("must not carry credentials")
    if parts.fragment:
        raise ValueError("must not have a fragment")
