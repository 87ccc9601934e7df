"""Health, and the description of the API."""

from event_bus.api.documents.status import Health
from event_bus.api.operation import Operation

_HEALTH = {"application/health+json": Health}

LIVE = Operation(
    "GET /health/live",
    name="isLive",
    function="status",
    scope=None,
    tag="Status",
    summary="Whether the API answers.",
    answers={200: _HEALTH},
)
READY = Operation(
    "GET /health/ready",
    name="isReady",
    function="status",
    scope=None,
    tag="Status",
    summary="Whether all services that the bus depends on answer.",
    answers={200: _HEALTH, 503: _HEALTH},
)
BROKER = Operation(
    "GET /health/broker",
    name="isBrokerHealthy",
    function="status",
    scope=None,
    tag="Status",
    summary="Whether the queues answer, and how late routing and deliveries are.",
    answers={200: _HEALTH, 503: _HEALTH},
)
DATABASE = Operation(
    "GET /health/database",
    name="isDatabaseHealthy",
    function="status",
    scope=None,
    tag="Status",
    summary="Whether the events table answers.",
    answers={200: _HEALTH, 503: _HEALTH},
)
DESCRIBE = Operation(
    "GET /openapi.json",
    name="describe",
    function="status",
    scope=None,
    tag="Status",
    summary="This document.",
    answers={200: dict},
)
