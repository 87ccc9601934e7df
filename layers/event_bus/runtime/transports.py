"""The transport of the HTTP lanes as it is deployed."""

from event_bus import clients
from event_bus.callbacks.client import CallbackClient
from event_bus.encryption.signing_secrets import SigningSecrets
from event_bus.settings import settings
from event_bus.targets import http


def http_transport() -> http.HttpTransport:
    """Posts events to callbacks, and signs them."""
    secrets = SigningSecrets(clients.kms(), settings().sealing_key)
    return http.HttpTransport(secrets.of, CallbackClient(settings().callback_networks))
