"""Tells how the bus is, and what its API is: `/health/...` and `/openapi.json`."""

from typing import Any

from event_bus import clients
from event_bus.api.endpoint import Request, Response, answer
from event_bus.api.openapi import read_document
from event_bus.health import Check, Health, database_check, queue_check
from event_bus.settings import settings

_health = Health(
    {
        "database": {
            "events-table": database_check(clients.dynamodb(), settings().events_table),
        },
        "broker": {
            **{
                f"{protocol}-lane": queue_check(clients.sqs(), url)
                for protocol, url in sorted(settings().lane_urls.items())
            },
            "stranded-events": queue_check(clients.sqs(), settings().stranded_queue_url),
        },
    }
)


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Answers API Gateway."""
    return answer(
        event,
        {
            "GET /health/live": lambda _: _answered([]),
            "GET /health/ready": lambda _: _answered(_health.check("database", "broker")),
            "GET /health/broker": lambda _: _answered(_health.check("broker")),
            "GET /health/database": lambda _: _answered(_health.check("database")),
            "GET /openapi.json": _openapi,
        },
    )


def _answered(checks: list[Check]) -> Response:
    passed = all(check.passed for check in checks)
    body = {
        "status": "pass" if passed else "fail",
        "checks": {check.name: check.document() for check in checks},
    }
    return Response(200 if passed else 503, body, {"content-type": "application/health+json"})


def _openapi(_: Request) -> Response:
    return Response(200, read_document(), {"cache-control": "public, max-age=300"})
