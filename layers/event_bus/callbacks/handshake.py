"""The handshake by which a callback confirms that it wants events.

HTTP 1.1 Web Hooks for Event Delivery, section 4
(https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/http-webhook.md#4-abuse-protection).
"""

from dataclasses import dataclass

from event_bus.callbacks.client import CallbackClient
from event_bus.callbacks.failures import Unanswered
from event_bus.version import USER_AGENT

HANDSHAKE_SECONDS = 5.0
"""The longest duration of a handshake, in seconds."""

_ANYONE = "*"


class HandshakeRefused(Exception):
    """The callback did not confirm that it wants events; the text says why."""


@dataclass(frozen=True, slots=True)
class Handshake:
    """Asks callbacks whether they want events.

    Attributes:
        client: Makes the requests.
        origin: The host by which the bus is known.
    """

    client: CallbackClient
    origin: str

    def ask(self, url: str) -> None:
        """Asks a callback.

        Raises:
            HandshakeRefused: It did not answer, or its answer does not allow the bus to send
                events.
        """
        headers = {"user-agent": USER_AGENT, "webhook-request-origin": self.origin}
        try:
            answer = self.client.exchange("OPTIONS", url, headers, HANDSHAKE_SECONDS)
        except Unanswered as failure:
            raise HandshakeRefused(failure.message) from None
        if not 200 <= answer.status < 300:
            raise HandshakeRefused(f"it answered OPTIONS with {answer.status}")
        consent = answer.headers.get("webhook-allowed-origin", "")
        if consent.strip().lower() not in (self.origin.lower(), _ANYONE):
            raise HandshakeRefused(
                f"its WebHook-Allowed-Origin names neither {self.origin} nor {_ANYONE}"
            )
