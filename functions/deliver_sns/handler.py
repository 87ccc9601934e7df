"""The SNS lane: publishes events to topics."""

from event_bus.delivery.handler import opening_lane_handler
from event_bus.delivery.sns import SnsTransport

handler = opening_lane_handler(SnsTransport())
