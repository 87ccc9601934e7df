"""Builds the queues between functions."""

from typing import TYPE_CHECKING

from event_bus import clients
from event_bus.settings import settings

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from event_bus.queues.lanes import Lanes
    from event_bus.queues.projections import ProjectionQueue
    from event_bus.queues.replays import ReplayQueue
    from event_bus.queues.unroutable import UnroutableQueue


def lanes(executor: "Executor") -> "Lanes":
    """Makes the lanes of the protocols.

    Args:
        executor: Sends batches of messages in parallel.
    """
    from event_bus.queues.lanes import Lanes

    return Lanes(clients.sqs(), settings().lane_urls, executor)


def projection_queue() -> "ProjectionQueue":
    """Makes the queue for updates of read models."""
    from event_bus.queues.projections import ProjectionQueue

    return ProjectionQueue(clients.sqs(), settings().replay_queue_url)


def replay_queue() -> "ReplayQueue":
    """Makes the queue of running replays."""
    from event_bus.queues.replays import ReplayQueue

    return ReplayQueue(clients.sqs(), settings().replay_queue_url)


def unroutable_queue() -> "UnroutableQueue":
    """Makes the queue of events that could not be routed."""
    from event_bus.queues.unroutable import UnroutableQueue

    return UnroutableQueue(clients.sqs(), settings().unroutable_queue_url)


def read_object(bucket: str, key: str) -> bytes:
    """Reads an object in which Lambda has left the records that it gave up."""
    return clients.s3().get_object(Bucket=bucket, Key=key)["Body"].read()
