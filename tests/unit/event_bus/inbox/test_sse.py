"""A stream of Server-Sent Events goes on where it was, or says that it does not."""

from dataclasses import replace
from typing import Any

import orjson
import pytest
from event_bus.access.callers import Caller
from event_bus.errors import Forbidden
from event_bus.inbox.sse import AWAY_SECONDS, LISTENER_SECONDS, ServerSentEvents
from event_bus.model.delivery import DeliveryKey
from event_bus.requests.fetching import SSE_WAIT_SECONDS
from event_bus.targets.inbox import InboxTarget
from event_bus.transforms.transform import Transform

from tests.aws import RETENTION_DAYS, Aws
from tests.builders import event, service, subscription
from tests.unit.event_bus.inbox.inbox import Fill, Time

TYPES = ["task.*"]
FOLLOWED = subscription("sub_1", target=InboxTarget("sse"))


def blocks(text: str) -> list[tuple[str, str, Any]]:
    """The id, the type and the data of each event of an answer."""
    found = []
    for block in text.split("\n\n"):
        lines = dict(line.partition(": ")[::2] for line in block.split("\n"))
        if "data" in lines:
            found.append((lines["id"], lines["event"], orjson.loads(lines["data"])))
    return found


def last_id(text: str) -> str:
    """The last id that a client has seen after an answer."""
    return [line for line in text.split("\n") if line.startswith("id: ")][-1].removeprefix("id: ")


@pytest.mark.parametrize(
    ("seen", "reason"),
    [
        ("3", "the last event id is beyond the end of the inbox"),
        ("999999999999999", "the last event id is beyond the end of the inbox"),
        ("9999999999999999", "the last event id is of another inbox"),
        ("-1", "the last event id is of another inbox"),
        ("1.0", "the last event id is of another inbox"),
        ("sub_2.1", "the last event id is of another inbox"),
        ("x", "the last event id is of another inbox"),
    ],
)
def test_a_place_that_the_inbox_never_reached_begins_it_anew(
    sse: ServerSentEvents, fill: Fill, seen: str, reason: str
) -> None:
    fill("evt_1", "evt_2")
    answer = sse.follow(FOLLOWED, seen, 20)
    assert blocks(answer) == [("2", "eventbus.stream.reset", {"reason": reason})]
    fill("evt_3")
    assert [each[0] for each in blocks(sse.follow(FOLLOWED, last_id(answer), 20))] == ["3"]


def test_an_sse_stream_resumes_behind_the_last_event_id(sse: ServerSentEvents, fill: Fill) -> None:
    fill("evt_1", "evt_2")
    assert [each[0] for each in blocks(sse.follow(FOLLOWED, "0", 0))] == ["1", "2"]
    assert [each[0] for each in blocks(sse.follow(FOLLOWED, "1", 0))] == ["2"]
    for seen in ("2", None):
        answer = sse.follow(FOLLOWED, seen, 0)
        assert (blocks(answer), last_id(answer)) == ([], "2")


def test_an_event_whose_transform_fails_is_shown_with_the_error(
    sse: ServerSentEvents, aws: Aws
) -> None:
    transform = Transform("payload", expression='$error("none")')
    to = aws.subscriptions.create(replace(FOLLOWED, transform=transform))
    aws.events.put(event("evt_1"), RETENTION_DAYS)
    aws.inboxes.append("sub_1", [DeliveryKey("evt_1", "sub_1")], shaped=True)
    [(name, event_type, data)] = blocks(sse.follow(to, "0", 0))
    assert (name, event_type, list(data)) == ("1", "task.created", ["error"])
    assert data["error"]["code"] == "transform_failed"
    assert "none" in data["error"]["detail"]


def test_an_empty_inbox_has_a_beginning(sse: ServerSentEvents) -> None:
    for seen in ("0", None):
        answer = sse.follow(FOLLOWED, seen, 0)
        assert (blocks(answer), last_id(answer)) == ([], "0")


def begun(sse: ServerSentEvents, caller: Caller) -> str:
    """The id of a listener's subscription."""
    answer, listener_id = sse.listen(TYPES, caller, None, 20)
    assert blocks(answer) == []
    name, _, place = last_id(answer).partition(".")
    assert (name, place) == (listener_id, "0")
    return name


def test_a_listener_resumes_behind_the_last_event_id(sse: ServerSentEvents, fill: Fill) -> None:
    listener = begun(sse, service("llm"))
    fill("evt_1", "evt_2", to=listener)
    answer, anew = sse.listen(TYPES, service("llm"), f"{listener}.1", 0)
    assert anew is None
    assert [each[0] for each in blocks(answer)] == [f"{listener}.2"]


def test_a_listener_that_is_beyond_its_end_begins_anew_there(
    sse: ServerSentEvents, fill: Fill
) -> None:
    listener = begun(sse, service("llm"))
    fill("evt_1", to=listener)
    [block] = blocks(sse.listen(TYPES, service("llm"), f"{listener}.2", 20)[0])
    assert block == (
        f"{listener}.1",
        "eventbus.stream.reset",
        {"reason": "the last event id is beyond the end of the inbox"},
    )


@pytest.mark.parametrize(
    ("caller", "types"),
    [
        (service("other"), TYPES),
        (Caller("admin", "admin"), TYPES),
        (service("llm"), ["task.created"]),
        (service("llm"), [*TYPES, "user.*"]),
    ],
    ids=["service", "admin", "types", "more types"],
)
def test_a_listener_cannot_be_continued_by_another_caller(
    sse: ServerSentEvents, fill: Fill, aws: Aws, caller: Caller, types: list[str]
) -> None:
    listener = begun(sse, service("llm"))
    fill("evt_1", to=listener)
    before = aws.subscriptions.get(listener)
    [block] = blocks(sse.listen(types, caller, f"{listener}.0", 0)[0])
    name, _, place = block[0].partition(".")
    assert (block[1], place) == ("eventbus.stream.reset", "0")
    assert name != listener
    own = aws.subscriptions.get(name)
    assert own
    assert (own.service_id, own.event_types) == (caller.service_id, types)
    assert aws.subscriptions.get(listener) == before


@pytest.mark.parametrize("seen", ["sub_9.1", "5", "x", "sub_9", "sub_9.x"])
def test_an_unknown_last_event_id_begins_a_new_listener(sse: ServerSentEvents, seen: str) -> None:
    [block] = blocks(sse.listen(TYPES, service("llm"), seen, 20)[0])
    assert block[1] == "eventbus.stream.reset"
    assert block[0].endswith(".0")


def test_an_ended_listener_is_replaced_by_a_new_one(sse: ServerSentEvents, time: Time) -> None:
    listener = begun(sse, service("llm"))
    time.now += LISTENER_SECONDS + 1
    [block] = blocks(sse.listen(TYPES, service("llm"), f"{listener}.0", 20)[0])
    assert not block[0].startswith(listener)


@pytest.mark.parametrize("asked", [0, 1, 50, 119, 144, 145, 146, 200])
def test_a_listener_may_stay_away_after_any_answer(
    sse: ServerSentEvents, time: Time, asked: int
) -> None:
    listener = begun(sse, service("llm"))
    time.now += asked
    assert sse.listen(TYPES, service("llm"), f"{listener}.0", 0)[1] is None
    time.now += SSE_WAIT_SECONDS + AWAY_SECONDS - 1
    assert sse.listen(TYPES, service("llm"), f"{listener}.0", 0)[1] is None


def test_a_token_for_one_subscription_listens_to_no_types(sse: ServerSentEvents) -> None:
    with pytest.raises(Forbidden):
        sse.listen(TYPES, Caller("llm", "listener", "sub_1"), None, 0)
