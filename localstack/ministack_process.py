"""The emulator's own process: ministack, which parses each expression of DynamoDB once.

By itself it parses a condition anew for every item that it looks at. A query over some thousand
items, such as the router's for what changed in the registry, then stops everything for seconds.

For a condition on tags it looks those of queues, topics and functions up, by the ARN. Here it looks
up those of event buses, too, and those of the function that a version or an alias belongs to.
"""

from functools import lru_cache

from ministack.app import main  # type: ignore[import-untyped]
from ministack.services import dynamodb, tagging  # type: ignore[import-untyped]

# The check of an expression's grammar: text in, the error or None out. It is three quarters of what
# a condition costs.
dynamodb._condition_syntax_error = lru_cache(maxsize=4096)(dynamodb._condition_syntax_error)

tagging._RESOURCE_TAG_COLLECTORS["events"] = tagging._collect_eventbridge
_tags = tagging.resource_tags
tagging.resource_tags = lambda arn: _tags(
    ":".join(arn.split(":")[:7]) if ":lambda:" in arn else arn
)

main()
