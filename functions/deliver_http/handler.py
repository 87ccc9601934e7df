"""The HTTP lane: delivers events by POST to callback URLs."""

from event_bus.delivery.handler import lane_handler
from event_bus.delivery.http import HttpTransport

handler = lane_handler(HttpTransport())
