"""The paced Lambda lane: invokes functions that are slow or have limits."""

from event_bus.runtime.intake import reply_intake
from event_bus.runtime.lanes import paced_lane_handler
from event_bus.targets.lambda_function import LambdaTransport
from event_bus.targets.replies import Replies

_replies = Replies(reply_intake())

handler = paced_lane_handler(LambdaTransport(_replies.publish), pace="paced")
