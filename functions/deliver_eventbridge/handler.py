"""The EventBridge lane: puts events on event buses."""

from event_bus.delivery.eventbridge import EventBridgeTransport
from event_bus.delivery.handler import lane_handler

handler = lane_handler(EventBridgeTransport())
