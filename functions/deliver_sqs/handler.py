"""The SQS lane: sends events to queues."""

from event_bus.delivery.handler import lane_handler
from event_bus.delivery.sqs import SqsTransport

handler = lane_handler(SqsTransport())
