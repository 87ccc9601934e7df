"""Serves metrics: `GET /metrics` for Prometheus, and `GET /analytics`."""

from event_bus.api.operations import metrics as operations
from event_bus.api.requests import Request, Response
from event_bus.cache import Cache
from event_bus.metrics import analytics
from event_bus.metrics.exposition import CONTENT_TYPE, exposition
from event_bus.metrics.gauges import Gauge
from event_bus.model.metrics import MetricTotals
from event_bus.runtime import stores
from event_bus.runtime.api import handler_of, new_endpoint
from event_bus.runtime.metrics import gauges
from event_bus.settings import settings
from event_bus.stores.metrics import SUBSCRIPTIONS, TOTAL

_store = stores.metrics()
_gauges = gauges()

# Cached, so that frequent scrapes do not each scan all subscriptions.
_subscriptions: Cache[str, Gauge] = Cache(60, 1)
_others: Cache[str, list[Gauge]] = Cache(15, 1)


endpoint = new_endpoint()
handler = handler_of(endpoint)


@endpoint.answers(operations.METRICS)
def _metrics(request: Request) -> Response:
    request.query()
    keys = [TOTAL, SUBSCRIPTIONS] if settings().subscription_metrics else [TOTAL]
    counted = _store.at(keys)
    text = exposition(
        counted.get(TOTAL, MetricTotals()),
        [_subscriptions.fetch("all", _gauges.subscriptions), *_others.fetch("all", _gauges.others)],
        counted.get(SUBSCRIPTIONS),
    )
    return Response(200, text=text, headers={"content-type": CONTENT_TYPE})


@endpoint.answers(operations.ANALYTICS)
def _analytics(request: Request) -> Response:
    query = operations.analytics_query(request.query())
    return Response(200, analytics.answer(query, _store))
