"""The SNS lane: publishes events to topics."""

from event_bus.runtime.lanes import opening_lane_handler
from event_bus.targets.sns import SnsTransport

handler = opening_lane_handler(SnsTransport())
