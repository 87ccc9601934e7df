"""Traces are continued as W3C Trace Context says."""

import pytest
from event_bus.errors import InvalidRequest
from event_bus.model.trace_context import TraceContext, read_traceparent, trace_in
from event_bus.requests.event import EventSubmission, accept
from event_bus.requests.validation import read
from hypothesis import given
from hypothesis import strategies as st

from tests.builders import submission

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
PARENT = f"00-{TRACE}-{SPAN}-01"


@pytest.mark.parametrize("text", [PARENT, f"cc-{TRACE}-{SPAN}-01", f"cc-{TRACE}-{SPAN}-01-more"])
def test_a_traceparent_is_read(text: str) -> None:
    assert read_traceparent(text) == TraceContext(TRACE, SPAN, "01")


@pytest.mark.parametrize(
    "text",
    [
        "",
        PARENT.upper(),
        f"ff-{TRACE}-{SPAN}-01",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"{PARENT}-more",
        f"cc-{TRACE}-{SPAN}-01more",
        f"00-{TRACE[:-1]}-{SPAN}-01",
        f"{PARENT}\n",
        f" {PARENT}",
    ],
)
def test_an_invalid_traceparent_is_ignored(text: str) -> None:
    assert read_traceparent(text) is None
    assert trace_in({"traceparent": text, "tracestate": "a=1"}) == {}


@given(st.text(max_size=80))
def test_a_traceparent_survives_reading_and_writing(text: str) -> None:
    context = read_traceparent(text)
    assert context is None or read_traceparent(context.traceparent) == context


def test_steps_of_one_trace_have_names_of_their_own() -> None:
    context = TraceContext(TRACE, SPAN, "01")
    one, other = context.child("one"), context.child("other")
    assert one == context.child("one")
    assert {one.trace_id, other.trace_id} == {TRACE}
    assert len({context.span_id, one.span_id, other.span_id}) == 3
    assert read_traceparent(one.traceparent) == one


def test_a_valid_tracestate_is_passed_on() -> None:
    headers = {"traceparent": PARENT, "tracestate": "vendor=value, other=x"}
    assert trace_in(headers) == headers
    for state in ("", "a" * 513, "a=\x1b", "a=é"):
        assert trace_in({**headers, "tracestate": state}) == {"traceparent": PARENT}


def test_an_event_says_itself_where_it_is_or_its_request_does() -> None:
    request = {"traceparent": PARENT, "tracestate": "a=1"}
    taken = accept(read(EventSubmission, submission()), "planner", request_trace=request)
    assert taken.metadata == {"trace_id": TRACE, **request}
    own = {"traceparent": PARENT.replace("4bf9", "aaaa"), "trace_id": "chosen"}
    sent = read(EventSubmission, submission(metadata=own))
    assert accept(sent, "planner", request_trace=request).metadata == own
    # Each time that a request is repeated, it is another step of the trace.
    again = accept(read(EventSubmission, submission()), "planner")
    assert again.digest == taken.digest
    assert again.metadata == {}


@pytest.mark.parametrize(
    ("metadata", "pointer"),
    [
        ({"traceparent": "x"}, "/metadata/traceparent"),
        ({"traceparent": PARENT, "tracestate": "a\nb"}, "/metadata/tracestate"),
    ],
)
def test_an_event_that_says_it_wrongly_is_refused(metadata: dict[str, str], pointer: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        read(EventSubmission, submission(metadata=metadata))
    assert [fault.pointer for fault in refused.value.faults] == [pointer]
