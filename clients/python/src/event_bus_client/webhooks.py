"""Verifies what the bus delivers by HTTP (https://www.standardwebhooks.com)."""

import base64
import binascii
import hashlib
import hmac
import json
import time
from collections.abc import Callable, Mapping, Sequence

from event_bus_client.durations import checked
from event_bus_client.errors import SignatureError
from event_bus_client.models import Event

TOLERANCE_SECONDS = 300
"""How old a webhook may be, and how far ahead of this machine's clock, in seconds."""

_PREFIX = "whsec_"


class Webhook:
    """Verifies webhooks by their secret.

    While a secret is being replaced, pass both: the old one and the new one.

    Example:
        ```python
        webhook = Webhook("whsec_...")
        event = webhook.verify(request.headers, request.body)
        ```
    """

    def __init__(
        self,
        secrets: str | Sequence[str],
        *,
        tolerance_seconds: float = TOLERANCE_SECONDS,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Reads the secrets.

        Args:
            secrets: One secret, or several of which one must fit; each begins with `whsec_`.
            tolerance_seconds: How old a webhook may be, and how far ahead of the clock.
            clock: Returns the time as Unix seconds.

        Raises:
            SignatureError: A secret is not base64, or there is none.
            ConfigurationError: The tolerance is negative or not a number.
        """
        listed = [secrets] if isinstance(secrets, str) else list(secrets)
        self._keys = [_key(each) for each in listed]
        if not self._keys:
            raise SignatureError("A secret is needed to verify webhooks.")
        # If it were not a number, it would accept a webhook of any age.
        self._tolerance = checked("tolerance_seconds", tolerance_seconds, zero=True, endless=True)
        self._clock = clock

    def verify(self, headers: Mapping[str, str], body: bytes | str) -> Event:
        """Verifies a webhook and reads its event.

        Args:
            headers: The request's headers, in any case of letters.
            body: The request's body as it came, before any parsing.

        Raises:
            SignatureError: A header is missing, the signature does not fit, the webhook is older
                than the tolerance, or the body is not an event. If the subscription has a
                transform, use `check`.
        """
        self.check(headers, body)
        try:
            return Event.model_validate(json.loads(body))
        except (ValueError, RecursionError) as error:
            raise SignatureError(
                "The body is signed, but it is not an event. If the subscription has a transform, "
                "use `check`."
            ) from error

    def check(self, headers: Mapping[str, str], body: bytes | str) -> str:
        """Verifies the signature alone, of a body of any form.

        Args:
            headers: The request's headers, in any case of letters.
            body: The request's body as it came.

        Returns:
            The `webhook-id`: the same each time that a delivery is repeated.

        Raises:
            SignatureError: A header is missing, the signature does not fit, or the webhook is
                older than the tolerance.
        """
        lower = {name.lower(): value for name, value in headers.items()}
        try:
            webhook_id = lower["webhook-id"]
            timestamp = lower["webhook-timestamp"]
            signatures = lower["webhook-signature"]
        except KeyError as error:
            raise SignatureError(f"The header {error.args[0]} is missing.") from None
        if not (timestamp.isascii() and timestamp.isdigit()):
            raise SignatureError("The header webhook-timestamp must be Unix seconds.")
        content = _encoded(body) if isinstance(body, str) else body
        if not self._fits(_signed(webhook_id, timestamp, content), signatures):
            raise SignatureError("No signature fits: the secret is another, or the body changed.")
        if abs(self._clock() - int(timestamp)) > self._tolerance:
            raise SignatureError("The webhook is too old, or this machine's clock is wrong.")
        return webhook_id

    def sign(self, webhook_id: str, timestamp: int, body: bytes) -> dict[str, str]:
        """Signs a webhook, as a test of a receiver needs it.

        Args:
            webhook_id: The id of the delivery.
            timestamp: When it is sent, in Unix seconds.
            body: What is sent.

        Returns:
            The three headers: a signature for each secret, in their order.
        """
        signed = _signed(webhook_id, str(timestamp), body)
        signatures = (base64.b64encode(_signature(key, signed)).decode() for key in self._keys)
        return {
            "webhook-id": webhook_id,
            "webhook-timestamp": str(timestamp),
            "webhook-signature": " ".join(f"v1,{each}" for each in signatures),
        }

    def _fits(self, signed: bytes, signatures: str) -> bool:
        expected = [_signature(key, signed) for key in self._keys]
        for each in signatures.split(" "):
            version, _, encoded = each.partition(",")
            if version != "v1":
                continue
            try:
                found = base64.b64decode(encoded, validate=True)
            except (binascii.Error, ValueError):
                continue
            if any(hmac.compare_digest(found, own) for own in expected):
                return True
        return False


def _signed(webhook_id: str, timestamp: str, body: bytes) -> bytes:
    return _encoded(f"{webhook_id}.{timestamp}.") + body


def _encoded(text: str) -> bytes:
    # A sender may send bytes that are not UTF-8. Some servers, such as aiohttp's, pass them as
    # surrogates. A plain `encode` would raise UnicodeEncodeError instead of SignatureError.
    return text.encode(errors="surrogatepass")


def _signature(key: bytes, signed: bytes) -> bytes:
    return hmac.digest(key, signed, hashlib.sha256)


def _key(secret: str) -> bytes:
    try:
        # It may end with a line break, if it was read from a file.
        key = base64.b64decode(secret.strip().removeprefix(_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not key:
        raise SignatureError(f"A signing secret is {_PREFIX} and base64.")
    return key
