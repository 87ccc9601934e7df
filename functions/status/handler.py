"""Tells how the bus is, and what its API is: `/health/...` and `/openapi.json`."""

from concurrent.futures import ThreadPoolExecutor
from functools import partial

from event_bus import clients
from event_bus.api.api_gateway import handler_of
from event_bus.api.endpoint import Endpoint
from event_bus.api.openapi import served_document
from event_bus.api.operations import status as operations
from event_bus.api.requests import Request, Response
from event_bus.metrics.health import (
    Check,
    Health,
    count_check,
    database_check,
    queue_check,
    seconds_check,
    worst,
)
from event_bus.metrics.lag import oldest_due, router_lag
from event_bus.metrics.queues import Queues
from event_bus.recovery.backlogs import Backlogs
from event_bus.runtime import stores
from event_bus.settings import settings

_LAG_SECONDS = 60
"""How far behind the router may be before a person should look at it, as its alarm has it."""

_executor = ThreadPoolExecutor(8)
# Of payloads it reads none.
_events = stores.events(payloads=False)
_lanes = Queues(settings().lane_urls, clients.sqs(), clients.cloudwatch(), _executor)

_backlogs = Backlogs(stores.levels(), stores.replays())
_subscriptions = stores.subscriptions()


def _held() -> int:
    return sum(each.events for each in _backlogs.all(_subscriptions).values())


_health = Health(
    {
        "database": {
            "events-table": database_check(_events.probe),
        },
        "broker": {
            **{
                f"{protocol}-lane": queue_check(clients.sqs(), url)
                for protocol, url in sorted(settings().lane_urls.items())
            },
            "unroutable-events": queue_check(
                clients.sqs(),
                settings().unroutable_queue_url,
                "events could not be routed, and are tried again",
            ),
            "unroutable-redrive": queue_check(
                clients.sqs(),
                settings().unroutable_redrive_url,
                "events could not be routed, again and again, and wait for a person",
            ),
            "router-lag": seconds_check(
                partial(router_lag, _events, stores.routings(), _executor), _LAG_SECONDS
            ),
            "oldest-delivery": seconds_check(_lanes.oldest),
            "oldest-due-delivery": seconds_check(
                partial(oldest_due, stores.due_deliveries(), _executor)
            ),
            "held-events": count_check(_held, "events"),
        },
    }
)


endpoint = Endpoint()
handler = handler_of(endpoint)


@endpoint.answers(operations.LIVE)
def _live(_: Request) -> Response:
    return _answered([])


@endpoint.answers(operations.READY)
def _ready(_: Request) -> Response:
    return _answered(_health.check("database", "broker"))


@endpoint.answers(operations.BROKER)
def _broker(_: Request) -> Response:
    return _answered(_health.check("broker"))


@endpoint.answers(operations.DATABASE)
def _database(_: Request) -> Response:
    return _answered(_health.check("database"))


def _answered(checks: list[Check]) -> Response:
    status = worst(checks)
    body = {
        "status": status,
        "checks": {check.name: check.document() for check in checks},
    }
    return Response(
        503 if status == "fail" else 200, body, {"content-type": "application/health+json"}
    )


@endpoint.answers(operations.DESCRIBE)
def _describe(request: Request) -> Response:
    return Response(200, served_document(request.api_url), {"cache-control": "public, max-age=300"})
