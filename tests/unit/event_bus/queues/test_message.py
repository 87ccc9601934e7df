"""A message carries an event through a queue unchanged."""

import dataclasses
from dataclasses import replace

import pytest
from event_bus.model.routing_rule import routing_rule
from event_bus.queues.message import first_message, from_json
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.builders import LARGE_PAYLOAD, event, message, subscription

_TEXTS = st.text(max_size=20)
_PAYLOADS = st.dictionaries(
    _TEXTS,
    _TEXTS | st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(-1e9, 1e9),
    max_size=4,
)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(payload=_PAYLOADS, own=_TEXTS)
def test_a_message_is_read_as_it_was_written(payload: dict[str, object], own: str) -> None:
    sent = message(event(payload=payload, metadata={"own": own}), subscription(version=7))
    assert from_json(sent.to_json()) == sent


@pytest.mark.parametrize("series", [0, 3, -1])
def test_a_turn_travels_with_its_series(series: int) -> None:
    sent = replace(message(event(), subscription()), turn=1_777_636_800.25, turn_series=series)
    assert from_json(sent.to_json()) == sent


@pytest.mark.parametrize(
    "number", ["9007199254740993.0", "1e-400", "36893488147419103232", "-5e-325"]
)
def test_a_number_travels_as_it_was_sent(number: str) -> None:
    payload = f'{{"n":{number},"m":[{number},1.5]}}'.encode()
    sent = message(replace(event(), payload=payload, payload_bytes=len(payload)), subscription())
    read = from_json(sent.to_json()).event
    assert read is not None
    assert read.payload == payload


def test_a_large_event_is_left_where_it_lies() -> None:
    sent = message(event(payload=LARGE_PAYLOAD), subscription())
    assert from_json(sent.to_json()) == replace(sent, event=None)


def test_a_message_without_its_event_stays_without() -> None:
    sent = replace(message(event(), subscription()), event=None)
    assert from_json(sent.to_json()) == sent


@pytest.mark.parametrize(
    ("ordered", "metadata", "replay_id", "said"),
    [
        (True, {"stream_id": "s"}, None, True),
        (False, {"stream_id": "s"}, None, False),
        (True, {}, None, False),
        (True, {"stream_id": "s"}, "rpl_1", False),
    ],
)
def test_the_router_says_that_a_message_of_a_stream_comes_from_it(
    ordered: bool, metadata: dict[str, str], replay_id: str | None, said: bool
) -> None:
    rule = routing_rule(dataclasses.asdict(subscription(ordered=ordered)), "http")
    sent = first_message(event(metadata=metadata), rule, replay_id)
    assert sent.from_router is said
    assert from_json(sent.to_json()) == sent
    assert ("from_router" in sent.to_json()) is said


@pytest.mark.parametrize("body", ["", "{}", "[]", "null", '{"event": {}}', "x" * 100])
def test_an_invalid_message_is_refused(body: str) -> None:
    with pytest.raises((ValueError, KeyError, TypeError)):
        from_json(body)
