"""The emulator's own process: ministack, with fewer costs, more tags and another HTTP server.

For a condition on tags, ministack looks up those of queues, topics and functions, by the ARN. Here
it looks up those of event buses and state machines, too, and those of the function that a version
or an alias belongs to.
"""

import sys
from pathlib import Path

import hypercorn.asyncio
from ministack.app import main  # type: ignore[import-untyped]
from ministack.services import stepfunctions, tagging  # type: ignore[import-untyped]

sys.path.append(str(Path(__file__).parent.parent))
from localstack import http_server, ministack_costs

tagging._RESOURCE_TAG_COLLECTORS["events"] = tagging._collect_eventbridge
tagging._RESOURCE_TAG_COLLECTORS["states"] = lambda: (
    (arn, [{"Key": each["key"], "Value": each["value"]} for each in tags])
    for arn, tags in stepfunctions._tags.items()
)
_tags = tagging.resource_tags
tagging.resource_tags = lambda arn: _tags(
    ":".join(arn.split(":")[:7]) if ":lambda:" in arn else arn
)

ministack_costs.reduce()
hypercorn.asyncio.serve = http_server.serve  # type: ignore[assignment]
main()
