"""The paced Lambda lane: invokes functions that are slow or have limits."""

from event_bus.delivery.handler import paced_lane_handler
from event_bus.delivery.lambda_function import LambdaTransport
from event_bus.delivery.replies import Replies
from event_bus.publishing.deployed import reply_intake

_replies = Replies(reply_intake())

handler = paced_lane_handler(LambdaTransport(_replies.publish), pace="paced")
