"""The paced HTTP lane: delivers to callback URLs that are slow or have limits."""

from event_bus.runtime.lanes import paced_lane_handler
from event_bus.runtime.transports import http_transport

handler = paced_lane_handler(http_transport(), pace="paced")
