"""The SNS lane: publishes events to topics."""

from event_bus.delivery.handler import lane_handler
from event_bus.delivery.sns import SnsTransport

handler = lane_handler(SnsTransport())
