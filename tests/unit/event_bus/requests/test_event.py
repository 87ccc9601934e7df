"""An event has limits, and a digest that tells a repetition from a conflict."""

from typing import Any

import orjson
import pytest
from event_bus import strict_json, times
from event_bus.errors import InvalidRequest, TooLarge
from event_bus.model.event import INLINE_PAYLOAD_BYTES, MAX_AHEAD_SECONDS, Event
from event_bus.requests.event import MAX_METADATA_BYTES, MAX_PAYLOAD_BYTES, EventSubmission, accept
from event_bus.requests.validation import read

from tests.builders import NOON, event, submission


def accepted(**members: Any) -> Event:
    return accept(read(EventSubmission, submission(**members)), "planner", "/3")


def _payload_of(size: int) -> dict[str, str]:
    return {"t": "x" * (size - len('{"t":""}'))}


def _metadata_of(size: int) -> dict[str, str]:
    metadata = {f"k{number}": "x" * 1_000 for number in range(8)}
    metadata["rest"] = ""
    metadata["rest"] = "x" * (size - len(orjson.dumps(metadata)))
    return metadata


def test_an_event_is_what_was_sent() -> None:
    made = accepted(id="evt_own", timestamp=NOON, payload={"a": 1}, metadata={"own": "x"})
    assert (made.id, made.type, made.source, made.timestamp) == (
        "evt_own",
        "task.created",
        "planner",
        NOON,
    )
    assert made.payload == b'{"a":1}'
    assert made.payload_bytes == 7
    assert made.metadata == {"own": "x"}


def test_members_that_are_left_out_are_filled_in() -> None:
    made = accepted()
    assert made.id.startswith("evt_")
    assert made.timestamp == made.created_at
    assert made.metadata == {}
    assert accepted().id != made.id


@pytest.mark.parametrize("ahead", [-(10**9), 0, MAX_AHEAD_SECONDS - 5])
def test_a_clock_may_disagree_with_the_bus(ahead: float) -> None:
    assert accepted(timestamp=times.after(ahead)).id


@pytest.mark.parametrize("ahead", [MAX_AHEAD_SECONDS + 3_600, 10**9])
def test_a_timestamp_of_the_future_is_refused_with_the_bound(ahead: float) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        accepted(timestamp=times.after(ahead))
    [fault] = refusal.value.faults
    assert fault.pointer == "/3/timestamp"
    assert fault.detail.startswith("must be at most 300 s ahead of the bus's clock, which says 20")


def test_a_timestamp_is_kept_in_utc() -> None:
    assert accepted(timestamp="2026-05-01T14:00:00+02:00").timestamp == NOON


def test_the_largest_payload_is_taken() -> None:
    assert accepted(payload=_payload_of(MAX_PAYLOAD_BYTES)).payload_bytes == MAX_PAYLOAD_BYTES


def test_a_payload_over_the_limit_is_refused() -> None:
    with pytest.raises(TooLarge) as refusal:
        accepted(payload=_payload_of(MAX_PAYLOAD_BYTES + 1))
    assert [fault.pointer for fault in refusal.value.faults] == ["/3/payload"]


def test_payloads_are_measured_as_utf_8() -> None:
    with pytest.raises(TooLarge):
        accepted(payload={"t": "é" * (MAX_PAYLOAD_BYTES // 2)})


def test_the_largest_metadata_is_taken() -> None:
    assert accepted(metadata=_metadata_of(MAX_METADATA_BYTES)).metadata["rest"]


def test_metadata_over_the_limit_is_refused() -> None:
    with pytest.raises(InvalidRequest) as refusal:
        accepted(metadata=_metadata_of(MAX_METADATA_BYTES + 1))
    assert [fault.pointer for fault in refusal.value.faults] == ["/3/metadata"]


def test_small_payloads_travel_with_their_events() -> None:
    assert event(payload=_payload_of(INLINE_PAYLOAD_BYTES)).inline
    assert not event(payload=_payload_of(INLINE_PAYLOAD_BYTES + 1)).inline


def test_the_digest_is_of_what_was_sent_alone() -> None:
    first = accepted(payload={"a": 1, "b": {"c": 2, "d": 3}}, metadata={"x": "1", "y": "2"})
    again = accepted(payload={"b": {"d": 3, "c": 2}, "a": 1}, metadata={"y": "2", "x": "1"})
    assert again.digest == first.digest
    assert again.id != first.id


def test_the_same_moment_in_another_zone_is_no_difference() -> None:
    assert accepted(timestamp="2026-05-01T14:00:00+02:00").digest == accepted(timestamp=NOON).digest


@pytest.mark.parametrize(
    "difference",
    [
        {"type": "task.closed"},
        {"timestamp": NOON},
        {"payload": {"a": 2}},
        {"payload": {"a": 1.0}},
        {"payload": {"a": "1"}},
        {"payload": {"a": 1, "b": None}},
        {"payload": {"b": [1, 2]}},
        {"metadata": {"own": "y"}},
        {"metadata": {"own": "x", "trace_id": "t"}},
    ],
    ids=str,
)
def test_every_other_difference_is_seen(difference: dict[str, Any]) -> None:
    sent: dict[str, Any] = {"type": "task.created", "payload": {"a": 1}, "metadata": {"own": "x"}}

    def digest(members: dict[str, Any]) -> str:
        return accept(read(EventSubmission, members), "planner").digest

    assert digest({**sent, **difference}) != digest(sent)


def test_events_of_two_sources_are_not_one_event() -> None:
    sent = read(EventSubmission, submission())
    assert accept(sent, "planner").digest != accept(sent, "other").digest


def test_the_order_of_a_list_matters() -> None:
    assert accepted(payload={"a": [1, 2]}).digest != accepted(payload={"a": [2, 1]}).digest


def test_the_envelope_holds_the_payload_as_json() -> None:
    shown = orjson.loads(orjson.dumps(event(payload={"a": [1]}, metadata={"own": "x"}).envelope()))
    assert shown == {
        "id": "evt_1",
        "type": "task.created",
        "source": "planner",
        "timestamp": NOON,
        "payload": {"a": [1]},
        "metadata": {"own": "x"},
    }


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("100.0", "1e2", True),
        ("0.10", "0.1", True),
        ("1", "1.0", False),
        ("0.1", "0.10000000000000001", False),
        ("9007199254740992.0", "9007199254740993.0", False),
    ],
)
def test_the_digest_tells_numbers_apart_by_value_and_integers_from_decimals(
    one: str, other: str, same: bool
) -> None:
    digests = [
        accepted(payload=strict_json.parse(f'{{"n": {number}}}')).digest for number in (one, other)
    ]
    assert (digests[0] == digests[1]) is same


@pytest.mark.parametrize(
    "number", ["9007199254740993.0", "1e-400", "-5e-325", "0.10000000000000001"]
)
def test_a_number_that_no_double_holds_is_kept_as_it_was_sent(number: str) -> None:
    payload = f'{{"n":[{number}]}}'
    assert accepted(payload=strict_json.parse(payload)).payload == payload.encode()


def test_a_stream_is_named_in_either_place() -> None:
    first = accepted(stream={"id": "task/1", "expected_version": 4}, metadata={"own": "x"})
    second = accepted(metadata={"own": "x", "stream_id": "task/1"})
    assert first.metadata == second.metadata == {"own": "x", "stream_id": "task/1"}
    # What the publisher expects is no part of what it says.
    assert first.digest == second.digest
    both = read(
        EventSubmission,
        submission(stream={"id": "a", "expected_version": "exists"}, metadata={"stream_id": "a"}),
    )
    assert both.expected_version == "exists"


VERSION = "/3/stream/expected_version"
NO_VERSIONS: list[Any] = [None, -1, 1.0, True, "1", "any", [], 10**15 + 1]


@pytest.mark.parametrize(
    ("stream", "pointer"),
    [
        (None, "/3/stream"),
        ({}, "/3/stream/id"),
        ({"id": ""}, "/3/stream/id"),
        ({"id": "x" * 257}, "/3/stream/id"),
        ({"id": "other"}, "/3/stream"),
        ({"id": "task/1", "version": 1}, "/3/stream/version"),
        *[({"id": "task/1", "expected_version": each}, VERSION) for each in NO_VERSIONS],
    ],
)
def test_a_stream_that_cannot_be_meant_is_refused(stream: Any, pointer: str) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        read(EventSubmission, submission(stream=stream, metadata={"stream_id": "task/1"}), "/3")
    assert [fault.pointer for fault in refusal.value.faults] == [pointer]


def test_a_publisher_sets_nothing_that_the_bus_alone_says() -> None:
    sent = {"stream_version": 3, "replay_id": "rpl_1", "reply_for": "other", "reply_status": "x"}
    assert (
        accepted(metadata={**sent, "own": "x"}).metadata == accepted(metadata={"own": "x"}).metadata
    )
