"""The EventBridge lane: puts events on event buses."""

from event_bus.delivery.eventbridge import EventBridgeTransport
from event_bus.delivery.handler import opening_lane_handler

handler = opening_lane_handler(EventBridgeTransport())
