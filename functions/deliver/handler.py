"""A delivery lane: delivers events to one type of target. Its environment names the lane."""

from event_bus.runtime.lanes import lane_handler
from event_bus.settings import settings

handler = lane_handler(settings().lane)
