"""The HTTP lane: delivers events by POST to callback URLs."""

from event_bus import clients
from event_bus.callbacks.client import CallbackClient
from event_bus.delivery.handler import opening_lane_handler
from event_bus.delivery.http import HttpTransport
from event_bus.security.signing_secrets import SigningSecrets
from event_bus.settings import settings

_secrets = SigningSecrets(clients.kms(), settings().sealing_key)

_client = CallbackClient(settings().callback_networks)

handler = opening_lane_handler(HttpTransport(_secrets.of, _client))
