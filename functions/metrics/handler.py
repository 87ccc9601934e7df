"""Tells what was counted: `GET /metrics` for Prometheus, and `GET /analytics`."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

from event_bus import clients
from event_bus.api.endpoint import Request, Response, answer
from event_bus.observing import analytics
from event_bus.observing.exposition import CONTENT_TYPE, exposition
from event_bus.observing.gauges import Gauges
from event_bus.observing.queues import Queues
from event_bus.observing.remembered import Remembered
from event_bus.settings import settings
from event_bus.stores.circuits import CircuitStore
from event_bus.stores.deliveries import DeliveryStore
from event_bus.stores.events import EventStore
from event_bus.stores.figures import FigureStore
from event_bus.stores.payloads import PayloadStore
from event_bus.stores.replays import ReplayStore
from event_bus.stores.subscriptions import SubscriptionStore

_dynamodb = clients.dynamodb()
_figures = FigureStore(_dynamodb, settings().figures_table)
_executor = ThreadPoolExecutor(8)
_queues = Queues(
    urls=settings().queue_urls,
    sqs=clients.sqs(),
    cloudwatch=clients.cloudwatch(),
    executor=_executor,
)
_gauges = Gauges(
    interests=SubscriptionStore(_dynamodb, settings().subscriptions_table).interests,
    queues=_queues,
    circuits=CircuitStore(_dynamodb, settings().circuits_table),
    replays=ReplayStore(_dynamodb, settings().replays_table),
    events=EventStore(_dynamodb, settings().events_table, PayloadStore(clients.s3(), "")),
    deliveries=DeliveryStore(_dynamodb, settings().deliveries_table),
    executor=_executor,
)

# Whoever scrapes often must not pay for the scan of all subscriptions each time.
_subscriptions = Remembered(_gauges.subscriptions, 60)
_others = Remembered(_gauges.others, 15)


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Answers API Gateway."""
    return answer(event, {"GET /metrics": _metrics, "GET /analytics": _analytics})


def _metrics(request: Request) -> Response:
    request.query()
    text = exposition(_figures.total(), [_subscriptions(), *_others()])
    return Response(200, text=text, headers={"content-type": CONTENT_TYPE})


def _analytics(request: Request) -> Response:
    question = analytics.read_question(request.query(*analytics.PARAMETERS))
    return Response(200, analytics.answer(question, _figures))
