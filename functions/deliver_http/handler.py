"""The HTTP lane: delivers events by POST to callback URLs."""

from event_bus.delivery.deployed import http_transport
from event_bus.delivery.handler import paced_lane_handler

handler = paced_lane_handler(http_transport(), pace="fast")
