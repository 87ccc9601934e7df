"""The HTTP lane: delivers events by POST to callback URLs."""

from event_bus import clients
from event_bus.delivery.handler import lane_handler
from event_bus.delivery.http import HttpTransport
from event_bus.security.signing_secrets import SigningSecrets
from event_bus.settings import settings

_secrets = SigningSecrets(clients.kms(), settings().sealing_key)

handler = lane_handler(HttpTransport(_secrets.of))
