"""The function that enriches events."""

from collections.abc import Callable
from typing import Any

from event_bus.access.receive_rights import HandoverRights
from event_bus.batches import batch_answer
from event_bus.delivery.circuits import Circuits
from event_bus.delivery.enriching import CalledEnrichment, EnrichmentRunner, EnrichmentStep
from event_bus.delivery.queue_message import queue_messages
from event_bus.delivery.source_circuits import SourceCircuits
from event_bus.delivery.source_pacing import SourcePacing
from event_bus.delivery.subscription_cache import SubscriptionCache
from event_bus.enrichment.calls import called_with
from event_bus.enrichment.enricher import Enricher
from event_bus.enrichment.function import FunctionAsker
from event_bus.enrichment.http import HttpAsker
from event_bus.enrichment.lookup import LookupAsker
from event_bus.runtime import registry_stores, stores
from event_bus.runtime.payloads import rights_reader, upcaster
from event_bus.runtime.queues import lanes
from event_bus.runtime.threads import threads
from event_bus.runtime.transports import LaneFunction
from event_bus.settings import settings
from event_bus.timers import Timers

_BATCH = 10


def enrichment_handler() -> Callable[[dict[str, Any], object], dict[str, Any]]:
    """Makes the handler of the enrichment function.

    Returns:
        What Lambda calls with a batch of the lane's queue, or a lane's function with one event.
    """
    function = LaneFunction()
    circuits = Circuits(stores.circuits(writes=True))
    enricher = Enricher(
        {
            "lookup": LookupAsker(registry_stores.contexts()),
            "lambda": FunctionAsker(function.aws_clients("lambda")),
            "http": HttpAsker(function.callback_client(), function.signing_secrets()),
        },
        upcaster(),
        SourceCircuits(circuits),
    )
    executor = threads(_BATCH)
    subscriptions = SubscriptionCache(registry_stores.subscriptions())
    events = stores.events()
    deliveries = stores.deliveries(writes=True)
    timers = Timers()
    pacing = SourcePacing(circuits, stores.paces(), deliveries, settings().paced_share, timers)
    lane = EnrichmentRunner(
        EnrichmentStep(
            enricher.enriched,
            events,
            deliveries,
            HandoverRights(rights_reader()).permits,
            pacing.measured,
        ),
        subscriptions,
        # Its threads send while those of the other executor wait for them.
        lanes(threads(_BATCH)),
        executor,
        timers,
        pacing,
    )

    called = CalledEnrichment(enricher.enriched, events, subscriptions)

    def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
        if message := called_with(event):
            return called.answer(message)
        return batch_answer(lane.process(queue_messages(event)))

    return handler
