"""Which streams a subscription follows, and how its filters select their events."""

from typing import Any

import pytest
from event_bus.errors import InvalidRequest
from event_bus.matching.filters import SubscriptionFilter
from event_bus.model.followed_streams import FollowedStreams
from event_bus.requests.followed_streams import FollowedStreamsRequest
from event_bus.requests.validation import read

ONE = FollowedStreams("planner", "task/1", None, 1)
CATEGORY = FollowedStreams("planner", None, "task", 1)


@pytest.mark.parametrize(
    ("sent", "pointer"),
    [
        ({"source": "planner"}, "/stream"),
        ({"source": "planner", "id": "task/1", "category": "task"}, "/stream"),
        ({"source": "planner", "category": "task/1"}, "/stream"),
        ({"source": "planner", "category": "task", "from_version": 2}, "/stream/from_version"),
        ({"source": "planner", "id": "task/1", "from_version": 0}, "/stream/from_version"),
        ({"source": "planner", "id": "task/1", "from_version": "1"}, "/stream/from_version"),
        ({"id": "task/1"}, "/stream/source"),
        ({"source": "planner", "id": "x" * 257}, "/stream/id"),
        ({"source": "planner", "id": "task/1", "prefix": "t"}, "/stream/prefix"),
    ],
)
def test_a_request_that_names_no_streams_is_refused(sent: dict[str, Any], pointer: str) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        read(FollowedStreamsRequest, sent, "/stream")
    assert pointer in [fault.pointer for fault in refusal.value.faults]


def test_streams_are_read_as_they_were_sent() -> None:
    sent = {"source": "planner", "id": "task/1", "from_version": 1}
    assert read(FollowedStreamsRequest, sent).followed() == ONE
    sent = {"source": "planner", "category": "task", "from_version": 1}
    assert read(FollowedStreamsRequest, sent).followed() == CATEGORY


@pytest.mark.parametrize(
    ("followed", "fitting"),
    [
        (ONE, {"task/1"}),
        (CATEGORY, {"task", "task/1", "task/10", "task/a/b"}),
    ],
)
def test_filters_select_the_events_of_the_streams(
    followed: FollowedStreams, fitting: set[str]
) -> None:
    filters = followed.narrowed({"task.*": {"n": [1]}})
    wanted = SubscriptionFilter(["task.*", "role.made"], filters)
    ids = ["task", "task/1", "task/10", "task/a/b", "tasks/1", "order/1", "order/task/1", "Task/1"]

    def found(payload: dict[str, Any], source: str = "planner") -> set[str]:
        return {
            each
            for each in ids
            if wanted.matches("task.made", source, payload, {"stream_id": each})
        }

    assert found({"n": 1}) == fitting
    assert found({"n": 2}) == found({"n": 1}, "other") == set()
    assert wanted.matches("role.made", "planner", {}, {"stream_id": "task/1"})
    assert not wanted.matches("role.made", "planner", {"source": "planner"}, {})


def test_filters_keep_what_else_they_ask() -> None:
    sent = {"*": {"metadata": {"env": ["production"]}, "n": [1]}}
    narrowed = ONE.narrowed(sent)
    assert narrowed["*"]["n"] == [1]
    assert narrowed["*"]["metadata"] == {"env": ["production"], "stream_id": ["task/1"]}
    assert sent == {"*": {"metadata": {"env": ["production"]}, "n": [1]}}
    # What was read back may be sent again.
    assert ONE.narrowed(narrowed) == narrowed


@pytest.mark.parametrize(
    ("pattern", "pointer"),
    [
        ({"source": ["other"]}, "/filters/*/source"),
        ({"metadata": {"stream_id": [{"prefix": "t"}]}}, "/filters/*/metadata/stream_id"),
    ],
)
def test_filters_of_other_streams_are_refused(pattern: dict[str, Any], pointer: str) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        ONE.narrowed({"*": pattern})
    assert [fault.pointer for fault in refusal.value.faults] == [pointer]
