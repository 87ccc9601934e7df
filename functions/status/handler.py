"""Serves health checks and the API's description: `/health/...` and `/openapi.json`."""

from event_bus.api.openapi import served_document
from event_bus.api.operations import status as operations
from event_bus.api.requests import Request, Response
from event_bus.metrics.health import HealthCheck, worst
from event_bus.runtime.api import handler_of, new_endpoint
from event_bus.runtime.metrics import health
from event_bus.version import MAJOR, VERSION

_health = health()
endpoint = new_endpoint()
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


def _answered(checks: list[HealthCheck]) -> Response:
    status = worst(checks)
    body = {
        "status": status,
        "version": MAJOR,
        "releaseId": VERSION,
        "checks": {check.name: check.document() for check in checks},
    }
    return Response(
        503 if status == "fail" else 200, body, {"content-type": "application/health+json"}
    )


@endpoint.answers(operations.DESCRIBE)
def _describe(request: Request) -> Response:
    return Response(200, served_document(request.api_url), {"cache-control": "public, max-age=300"})
