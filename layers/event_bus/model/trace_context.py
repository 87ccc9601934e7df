"""Steps of a distributed trace, after W3C Trace Context (https://www.w3.org/TR/trace-context/)."""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

TRACESTATE = r"^[!-~]( ?[!-~]){0,511}$"
"""The part of `tracestate` that must be passed on (section 3.3.1.5)."""

_FORM = re.compile(
    r"(?!ff)(?P<version>[0-9a-f]{2})-(?!0{32})(?P<trace>[0-9a-f]{32})"
    r"-(?!0{16})(?P<span>[0-9a-f]{16})-(?P<flags>[0-9a-f]{2})(?P<more>-.*)?",
    re.ASCII,
)
_STATE = re.compile(TRACESTATE, re.ASCII)


@dataclass(frozen=True, slots=True)
class TraceContext:
    """A step of a trace.

    Attributes:
        trace_id: The trace, 32 hexadecimal digits.
        span_id: The step, 16 hexadecimal digits.
        flags: The flags of the trace, such as `01` if it is sampled.
    """

    trace_id: str
    span_id: str
    flags: str

    @property
    def traceparent(self) -> str:
        """The `traceparent` header (version 00)."""
        return f"00-{self.trace_id}-{self.span_id}-{self.flags}"

    def child(self, name: str) -> "TraceContext":
        """Returns a child step; its name distinguishes it from other children."""
        span_id = hashlib.sha256(f"{self.span_id}#{name}".encode()).hexdigest()[:16]
        return replace(self, span_id=span_id)


def read_traceparent(text: str) -> TraceContext | None:
    """Returns the step of a `traceparent`; None if it is not valid (section 3.2.2)."""
    found = _FORM.fullmatch(text)
    # Later versions may add to it; this one may not.
    if found is None or (found["version"] == "00" and found["more"]):
        return None
    return TraceContext(found["trace"], found["span"], found["flags"])


def trace_in(headers: Mapping[str, str]) -> dict[str, str]:
    """Returns the step of a trace in which a request was made, as metadata.

    Args:
        headers: The request's headers, with lower-case names; invalid ones are ignored (section
            3.2.2.2).
    """
    parent, state = headers.get("traceparent", ""), headers.get("tracestate", "")
    if read_traceparent(parent) is None:
        return {}
    return {"traceparent": parent} | ({"tracestate": state} if _STATE.fullmatch(state) else {})
