"""Replays."""

from typing import Annotated

from pydantic import Field
from typing_extensions import TypedDict

from event_bus.api.documents.members import Count, Page, Period, Time
from event_bus.model import replay as model
from event_bus.model.replay import ReplayState


class ReplayProgress(TypedDict):
    """The progress of a replay.

    Attributes:
        events_examined: How many events of the period were read.
    """

    ratio: Annotated[float, Field(ge=0, le=1, description="The completed part of the period.")]
    events_examined: Count
    deliveries_sent: Annotated[
        Count,
        Field(description="How many deliveries were sent: one for each event and subscription."),
    ]
    events_unroutable: Annotated[
        Count,
        Field(
            description="How many events the replay skipped, because they cannot be read, "
            "matched or sent to all their subscribers. The log names them."
        ),
    ]


class Replay(Period):
    """A replay, with its progress.

    Attributes:
        id: The id of the replay.
        service_id: The service that requested it, or `admin`.
        state: `running`, `completed` once all messages are on lanes, or `cancelled`.
        event_id: The event, if the replay is of one event.
        subscription_id: The subscription, if the replay is to one subscription.
        event_types: The types and patterns to which the replay is narrowed; null for all.
        source: The publisher to which the replay is narrowed; null for all.
        progress: How far the replay is.
        created_at: When it was requested.
        updated_at: When it last continued.
    """

    id: str
    service_id: str
    state: ReplayState
    event_id: str | None
    subscription_id: str | None
    event_types: list[str] | None
    source: str | None
    rate: Annotated[Count, Field(description="Deliveries a second, on average.")]
    progress: ReplayProgress
    created_at: Time
    updated_at: Time


class ReplayPage(Page):
    """A page of replays."""

    items: list[Replay]


def replay_document(replay: model.Replay) -> Replay:
    """Returns a replay, with its progress."""
    return {
        "id": replay.id,
        "service_id": replay.service_id,
        "state": replay.state,
        "event_id": replay.event_id,
        "subscription_id": replay.subscription_id,
        "event_types": replay.event_types,
        "source": replay.source,
        "from": replay.since,
        "to": replay.end,
        "rate": replay.rate,
        "progress": {
            "ratio": replay.progress,
            "events_examined": replay.examined,
            "deliveries_sent": replay.sent,
            "events_unroutable": replay.unroutable,
        },
        "created_at": replay.created_at,
        "updated_at": replay.updated_at,
    }
