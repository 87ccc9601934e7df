"""The SQS lane: sends events to queues."""

from event_bus.delivery.handler import opening_lane_handler
from event_bus.delivery.sqs import SqsTransport

handler = opening_lane_handler(SqsTransport())
