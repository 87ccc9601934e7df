"""The Lambda lane: invokes functions, and publishes what they reply."""

from event_bus.delivery.handler import paced_lane_handler
from event_bus.delivery.lambda_function import LambdaTransport
from event_bus.delivery.replies import Replies
from event_bus.publishing.deployed import reply_intake

_replies = Replies(reply_intake())

handler = paced_lane_handler(LambdaTransport(_replies.publish), pace="fast")
