"""Targets of the type `eventbridge`: event buses of Amazon EventBridge."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, cast

from event_bus.model.outcome import Outcome
from event_bus.settings import settings
from event_bus.targets.aws_target import MEMBERS, AwsTarget, TaggedResource, listed_tags
from event_bus.targets.aws_transport import BatchTransport, Packed, body, refused, xray_header
from event_bus.targets.resources import AwsResources
from event_bus.targets.target_type import Grants, TargetType
from event_bus.targets.transport import DeliveryRequest, Sent

EVENT_BUSES = AwsResources(
    service="events",
    name=r"[A-Za-z0-9._/-]{1,256}",
    called="the ARN of a Classic event bus of EventBridge, with event-bus/ before its name",
    action="PutEvents",
    reads_tags="ListTagsForResource",
    kind="event-bus/",
)


def check_event_bus(arn: str) -> None:
    """Refuses what is not the ARN of an event bus that a subscription may name.

    Raises:
        ValueError: It is refused.
    """
    # Events can be mirrored on one event bus of the deployment itself.
    EVENT_BUSES.check(arn, own={settings().mirror})


@dataclass(frozen=True, slots=True)
class EventBridgeTarget(AwsTarget):
    """An event bus of Amazon EventBridge.

    Attributes:
        event_bus: Its ARN.
    """

    event_bus: str
    type: Literal["eventbridge"] = field(default="eventbridge", kw_only=True)
    lane: ClassVar[str] = "eventbridge"
    objects_only: ClassVar[bool] = True

    @property
    def resource(self) -> TaggedResource:
        """The event bus."""
        return TaggedResource(
            "event_bus",
            self.event_bus,
            "events",
            f"events tag-resource --resource-arn {self.event_bus} --tags",
            lambda client: listed_tags(client.list_tags_for_resource(ResourceARN=self.event_bus)),
            "Key={key},Value={value}",
        )


class EventBridgeTransport(BatchTransport):
    """Puts events on event buses, up to ten in a request."""

    def send(self, client: Any, batch: Sequence[Packed]) -> list[Outcome]:
        """Puts a batch on its event bus."""
        answer = client.put_events(Entries=[_entry(*each) for each in batch])
        return [
            refused(entry["ErrorCode"], entry.get("ErrorMessage", ""))
            if entry.get("ErrorCode")
            else Outcome()
            for entry in answer["Entries"]
        ]


def _entry(request: DeliveryRequest, text: str) -> dict[str, Any]:
    event = request.event
    entry = {
        # A lane delivers only to targets of its own type.
        "EventBusName": cast("EventBridgeTarget", request.subscription.target).event_bus,
        "Source": event.source,
        "DetailType": event.type,
        "Detail": text,
        "Time": event.timestamp,
    }
    if header := xray_header(event):
        entry["TraceHeader"] = header
    return entry


TARGET = TargetType(
    name="EventBridge",
    settings=EventBridgeTarget,
    transport=lambda deployment: EventBridgeTransport(deployment.aws_clients("events")),
    grants=Grants(resources=EVENT_BUSES),
    sent=lambda request: Sent(body(request)),
    members={"event_bus": "The ARN of the event bus.", **MEMBERS},
)
