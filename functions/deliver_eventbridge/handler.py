"""The EventBridge lane: puts events on event buses."""

from event_bus.runtime.lanes import opening_lane_handler
from event_bus.targets.eventbridge import EventBridgeTransport

handler = opening_lane_handler(EventBridgeTransport())
