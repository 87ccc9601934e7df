"""Tells what was counted: `GET /metrics` for Prometheus, and `GET /analytics`."""

from concurrent.futures import ThreadPoolExecutor

from event_bus import clients
from event_bus.api.api_gateway import handler_of
from event_bus.api.endpoint import Endpoint
from event_bus.api.operations import metrics as operations
from event_bus.api.requests import Request, Response
from event_bus.cache import Cache
from event_bus.metrics import analytics
from event_bus.metrics.exposition import CONTENT_TYPE, exposition
from event_bus.metrics.gauges import Gauge, Gauges
from event_bus.metrics.queues import Queues
from event_bus.runtime import stores
from event_bus.settings import settings

_store = stores.metrics()
_executor = ThreadPoolExecutor(8)
_queues = Queues(
    urls=settings().queue_urls,
    sqs=clients.sqs(),
    cloudwatch=clients.cloudwatch(),
    executor=_executor,
)
_gauges = Gauges(
    routing_rules=stores.subscriptions().routing_rules,
    queues=_queues,
    circuits=stores.circuits(),
    replays=stores.replays(),
    events=stores.events(payloads=False),
    routings=stores.routings(),
    due=stores.due_deliveries(),
    executor=_executor,
)

# Whoever scrapes often must not pay for the scan of all subscriptions each time.
_subscriptions: Cache[str, Gauge] = Cache(60, 1)
_others: Cache[str, list[Gauge]] = Cache(15, 1)


endpoint = Endpoint()
handler = handler_of(endpoint)


@endpoint.answers(operations.METRICS)
def _metrics(request: Request) -> Response:
    request.query()
    text = exposition(
        _store.total(),
        [_subscriptions.fetch("all", _gauges.subscriptions), *_others.fetch("all", _gauges.others)],
    )
    return Response(200, text=text, headers={"content-type": CONTENT_TYPE})


@endpoint.answers(operations.ANALYTICS)
def _analytics(request: Request) -> Response:
    question = operations.question(request.query())
    return Response(200, analytics.answer(question, _store))
