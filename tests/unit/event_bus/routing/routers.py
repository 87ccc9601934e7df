"""Routers for tests."""

from concurrent.futures import Executor

from event_bus.queues.lanes import Lanes
from event_bus.routing.registry_view import RegistryView
from event_bus.routing.router import Router

from tests.aws import Aws


def router_of(aws: Aws, executor: Executor, lane: str) -> Router:
    """A router that sends messages to one lane."""
    return Router(
        view=aws.view(RegistryView),
        events=aws.events,
        routings=aws.routings,
        deliveries=aws.deliveries,
        dead_letters=aws.dead_letters,
        lanes=Lanes(aws.sqs, {"http": lane}, executor),
        executor=executor,
    )
