"""The paced HTTP lane: delivers to callback URLs that are slow or have limits."""

from event_bus.delivery.deployed import http_transport
from event_bus.delivery.handler import opening_lane_handler

handler = opening_lane_handler(http_transport(), pace="paced")
