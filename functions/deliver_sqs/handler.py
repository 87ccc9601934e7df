"""The SQS lane: sends events to queues."""

from event_bus.runtime.lanes import opening_lane_handler
from event_bus.targets.sqs import SqsTransport

handler = opening_lane_handler(SqsTransport())
