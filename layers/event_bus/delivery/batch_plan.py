"""What the lanes of a protocol share: which messages leave a batch, and who is slow."""

from dataclasses import dataclass, field

from event_bus import times
from event_bus.delivery.circuits import Circuits
from event_bus.log import logger
from event_bus.model.pace import Pace
from event_bus.model.subscription import Subscription
from event_bus.queues.message import LaneKind, Message
from event_bus.stores.paces import PaceStore


@dataclass(frozen=True, slots=True)
class BatchPlan:
    """The plan for a batch.

    Attributes:
        moved: The messages that leave the batch, as they are sent, by their place in it.
        side_by_side: How many attempts may be made at the same time, by subscription; unlimited for
            others.
    """

    moved: dict[int, Message] = field(default_factory=dict)
    side_by_side: dict[str, int] = field(default_factory=dict)


def is_paced(circuits: Circuits, subscription: Subscription | None) -> bool:
    """Returns whether a subscription is slow, new or limited, so that it leaves the main lane.

    Args:
        circuits: The circuits and paces of the subscriptions.
        subscription: The subscription; None if it was deleted.
    """
    if subscription is None or subscription.status != "active":
        return False
    pace = circuits.paces.last(subscription.id)
    return subscription.limited or (pace is not None and pace.paced)


def lane_for(pace: Pace | None) -> LaneKind:
    """Returns the lane for the messages of a subscription that is slow, new or limited.

    Args:
        pace: Its pace; None if it has none yet.
    """
    return "slow" if pace is not None and pace.state == "slow" else "paced"


def mark_slow(
    circuits: Circuits, paces: PaceStore, subscription_id: str, holder: str | None = None
) -> None:
    """Marks a subscription as slow, unless it has another target by now.

    The pace of another target begins anew: on trial, and without the leases of before. Then the
    attempt says nothing about that target.

    Args:
        circuits: The circuits and paces of the subscriptions.
        paces: Stores paces.
        subscription_id: The subscription whose attempt has taken long.
        holder: The function that leased the attempt; None if the attempt needed no lease.
    """

    def marked(pace: Pace) -> Pace:
        begun_anew = pace.state == "trial" if holder is None else holder not in pace.leases
        return pace if begun_anew else pace.marked_slow(times.unix())

    try:
        before = paces.get(subscription_id)
        after = paces.change(subscription_id, marked, before)
        if after is None:
            return
        circuits.paces.put(subscription_id, after)
        if after.state == "slow" and (before is None or before.state != "slow"):
            logger.warning("subscriber is slow", subscription_id=subscription_id)
    except Exception:
        # The next slow attempt marks it.
        logger.exception("slow subscriber not marked", subscription_id=subscription_id)
