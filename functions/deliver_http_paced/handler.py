"""The paced HTTP lane: delivers to callback URLs that are slow or have limits."""

from event_bus.delivery.deployed import http_transport
from event_bus.delivery.handler import paced_lane_handler

handler = paced_lane_handler(http_transport(), pace="paced")
