"""W3C trace context of programs that use OpenTelemetry."""

from collections.abc import Iterator
from contextlib import contextmanager

from event_bus_client.models import Metadata


def current_trace() -> dict[str, str]:
    """Returns the trace context of OpenTelemetry's current span; empty without OpenTelemetry."""
    try:
        from opentelemetry.propagate import inject  # noqa: PLC0415
        from opentelemetry.trace import get_current_span  # noqa: PLC0415
    except ImportError:
        return {}
    if not get_current_span().get_span_context().is_valid:
        return {}
    carrier: dict[str, str] = {}
    inject(carrier)
    return {name: carrier[name] for name in ("traceparent", "tracestate") if carrier.get(name)}


@contextmanager
def continued_trace(metadata: Metadata) -> Iterator[None]:
    """Continues the trace of a received event within the block, if there is OpenTelemetry."""
    try:
        from opentelemetry.context import attach, detach  # noqa: PLC0415
        from opentelemetry.propagate import extract  # noqa: PLC0415
    except ImportError:
        yield
        return
    if not metadata.traceparent:
        yield
        return
    carrier = {"traceparent": metadata.traceparent, "tracestate": metadata.tracestate or ""}
    token = attach(extract(carrier))
    try:
        yield
    finally:
        detach(token)
