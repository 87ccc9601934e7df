"""The HTTP lane: delivers events by POST to callback URLs."""

from event_bus.runtime.lanes import paced_lane_handler
from event_bus.runtime.transports import http_transport

handler = paced_lane_handler(http_transport(), pace="fast")
