"""The transport of the HTTP lanes as it is deployed."""

from event_bus import clients
from event_bus.callbacks.client import CallbackClient
from event_bus.delivery import http
from event_bus.security.signing_secrets import SigningSecrets
from event_bus.settings import settings


def http_transport() -> http.HttpTransport:
    """Posts events to callbacks, and signs them."""
    secrets = SigningSecrets(clients.kms(), settings().sealing_key)
    return http.HttpTransport(secrets.of, CallbackClient(settings().callback_networks))
