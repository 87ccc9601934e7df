"""An inbox is read in order, and what has expired is passed over."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import orjson
import pytest
from event_bus import times
from event_bus.access.callers import Caller
from event_bus.errors import Unavailable
from event_bus.inbox import reader as module
from event_bus.inbox.reader import MOST_BYTES, SHAPING_SECONDS, Fetched, InboxReader
from event_bus.inbox.sse_format import sse_events
from event_bus.model.command_record import Command, Reply, after_cancel, after_reply
from event_bus.model.delivery import DeliveryKey
from event_bus.model.event import Event
from event_bus.model.rights import Grant
from event_bus.targets.shaping import shaped
from event_bus.targets.transport import DeliveryRequest
from event_bus.transforms.transform import Shaped, Transform

from tests.aws import RETENTION_DAYS, Aws
from tests.builders import LARGE_PAYLOAD, LATER, NOON, event, subscription
from tests.evaluator import no_evaluator
from tests.unit.event_bus.inbox.inbox import Fill, Time


def read(
    reader: InboxReader, position: int, limit: int = 10, wait: float = 0
) -> tuple[list[int], int]:
    fetched, reached = reader.read("sub_1", position, limit, wait)
    return [each.position for each in fetched], reached


def test_a_page_ends_where_it_was_read_to(reader: InboxReader, fill: Fill) -> None:
    fill("evt_1")
    fill("evt_2", gone=True)
    fill("evt_3")
    fill("evt_4", gone=True)
    assert read(reader, 0) == ([1, 3], 4)
    assert read(reader, 0, 2) == ([1], 2)
    assert read(reader, 3) == ([], 4)
    assert read(reader, 4) == ([], 4)
    fetched, _ = reader.read("sub_1", 0, 10, 0)
    assert {each.type for each in fetched} == {"task.created"}


def test_an_event_whose_payload_is_lost_is_passed_over(
    reader: InboxReader, aws: Aws, fill: Fill
) -> None:
    fill("evt_1")
    for name in ("evt_2", "evt_3"):
        aws.events.put(event(name, payload=LARGE_PAYLOAD), RETENTION_DAYS)
        aws.inboxes.append("sub_1", [DeliveryKey(name, "sub_1")])
    aws.lose_payload("evt_2")
    assert read(reader, 0) == ([1, 3], 3)
    assert read(reader, 1, 1) == ([], 2)


def test_an_event_that_cannot_be_read_holds_up_no_other(
    reader: InboxReader, aws: Aws, fill: Fill
) -> None:
    fill("evt_1", "evt_2", "evt_3")
    aws.lose_archived("evt_2")
    fetched, reached = reader.read("sub_1", 0, 10, 0)
    assert ([each.position for each in fetched], reached) == ([1, 2, 3], 3)
    error = {"code": "event_unreadable", "detail": "the event is stored, but cannot be read"}
    shown = {"cursor": "2", "delivery_id": "evt_2", "event": None, "error": error}
    assert fetched[1].document() == shown
    assert sse_events(fetched[1:2], 2) == (
        "retry: 500\n\nid: 2\nevent: eventbus.event.unreadable\n"
        f"data: {orjson.dumps({'error': error}).decode()}\n\n"
    )


def test_expired_events_do_not_end_a_wait(reader: InboxReader, fill: Fill, time: Time) -> None:
    fill("evt_1", "evt_2", "evt_3", gone=True)
    time.waiting = [lambda: None, lambda: fill("evt_4")]
    began = time.now
    assert read(reader, 0, 2, wait=20) == ([4], 4)
    assert time.now - began == 1


def test_a_page_holds_so_many_bytes(reader: InboxReader, aws: Aws, fill: Fill) -> None:
    # The fifth has just no room beside four others.
    payload = {"text": "x" * (MOST_BYTES // 5)}
    for number in range(1, 7):
        aws.events.put(event(f"evt_{number}", payload=payload), RETENTION_DAYS)
        fill(f"evt_{number}")
    assert read(reader, 0) == ([1, 2, 3, 4], 4)
    assert read(reader, 4) == ([5, 6], 6)


def test_events_that_a_service_may_no_longer_receive_are_skipped(
    reader: InboxReader, aws: Aws, time: Time
) -> None:
    aws.subscriptions.create(subscription(service_id="worker"))
    for number, event_type in enumerate(("task.a", "order.b", "task.c"), 1):
        aws.events.put(replace(event(f"evt_{number}", event_type), created_at=NOON), RETENTION_DAYS)
        aws.inboxes.append("sub_1", [DeliveryKey(f"evt_{number}", "sub_1")])
    time.now = times.seconds(NOON) + 3_600
    assert read(reader, 0) == ([1, 2, 3], 3)
    aws.rights.put(Grant("worker", ["order.*"]))
    assert read(reader, 0) == ([2], 3)
    assert read(reader, 2) == ([], 3)
    aws.rights.put(Grant("worker", ["*"]), Grant("worker", ["order.*"]))
    assert read(reader, 0) == ([1, 2, 3], 3)
    # Without the subscription, nobody knows whose rights to check.
    aws.subscriptions.delete(aws.subscriptions.get("sub_1") or subscription())
    assert read(reader, 0) == ([], 3)


def test_the_result_of_a_transform_is_read(reader: InboxReader, aws: Aws) -> None:
    aws.events.put(event("evt_1", payload={"total": 250}), RETENTION_DAYS)
    aws.events.put(event("evt_2", payload={}), RETENTION_DAYS)
    transform = Transform("payload", expression='{"amount": total > 0 ? total : $error("none")}')
    aws.subscriptions.create(subscription(transform=transform))
    aws.inboxes.append("sub_1", [DeliveryKey("evt_2", "sub_1")])
    aws.inboxes.append(
        "sub_1", [DeliveryKey("evt_1", "sub_1"), DeliveryKey("evt_2", "sub_1")], shaped=True
    )
    before, made, failed = reader.read("sub_1", 0, 10, 0)[0]
    # It came before the subscription had a transform.
    assert before.event["id"] == "evt_2"
    assert orjson.loads(orjson.dumps(made.document()["event"])) == {"amount": 250}
    assert failed.document()["event"] is None
    assert failed.document()["error"]["code"] == "transform_failed"
    assert (made.type, made.delivery_id) == ("task.created", "evt_1")


def test_a_page_that_the_bus_cannot_shape_is_read_again(reader: InboxReader, aws: Aws) -> None:
    aws.events.put(event("evt_1", payload={"total": 250}), RETENTION_DAYS)
    aws.subscriptions.create(subscription(transform=Transform("payload", expression="total")))
    aws.inboxes.append("sub_1", [DeliveryKey("evt_1", "sub_1")], shaped=True)
    # The pull is answered with 503, and nothing is leased.
    with no_evaluator(), pytest.raises(Unavailable, match="send the request again"):
        read(reader, 0)
    assert read(reader, 0) == ([1], 1)


def test_no_command_is_handed_out_that_has_ended(reader: InboxReader, aws: Aws) -> None:
    handler = subscription(event_types=["command.pay"], handles=True)
    aws.subscriptions.create(handler)
    aws.subscriptions.create(subscription("sub_2"))
    over = {"deadline": NOON}
    for name, metadata in (("evt_1", {}), ("evt_2", over), ("evt_3", {}), ("evt_4", {})):
        aws.events.put(event(name, "command.pay", metadata=metadata), RETENTION_DAYS)
        for each in ("sub_1", "sub_2"):
            aws.inboxes.append(each, [DeliveryKey(name, each)])
    commands = aws.commands
    commands.save(after_cancel(Command("evt_1"), "planner"))
    commands.save(after_reply(Command("evt_4"), Reply("r", "worker", False, NOON), 1))
    looking = replace(reader, commands=commands)
    assert read(looking, 0) == ([3], 4)
    # Others observe what was cancelled; the deadline counts for them as well.
    fetched, _ = looking.read("sub_2", 0, 10, 0)
    assert [each.position for each in fetched] == [1, 3, 4]


def test_a_request_is_handed_out_though_others_have_answered_it(
    reader: InboxReader, aws: Aws
) -> None:
    # Only a command has one handler, which must not act on it any more.
    aws.subscriptions.create(subscription(event_types=["price.asked"], handles=True))
    metadata = {"expect_replies": 1, "deadline": LATER}
    aws.events.put(event("evt_1", "price.asked", metadata=metadata), RETENTION_DAYS)
    aws.inboxes.append("sub_1", [DeliveryKey("evt_1", "sub_1")])
    commands = aws.commands
    commands.save(after_reply(Command("evt_1"), Reply("r", "llm", False, NOON), 1))
    assert read(replace(reader, commands=commands), 0) == ([1], 1)


def test_a_page_is_filled_to_the_last_byte(
    reader: InboxReader, aws: Aws, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored = [event(f"evt_{number}", payload={"n": number}) for number in range(1, 4)]
    for each in stored:
        aws.events.put(each, RETENTION_DAYS)
        aws.inboxes.append("sub_1", [DeliveryKey(each.id, "sub_1")])
    monkeypatch.setattr(module, "MOST_BYTES", 2 * stored[0].payload_bytes)
    assert read(reader, 0) == ([1, 2], 2)
    assert read(reader, 2) == ([3], 3)
    # At least one event is read, however large it is.
    monkeypatch.setattr(module, "MOST_BYTES", 1)
    assert read(reader, 0) == ([1], 1)


def test_a_page_fits_into_an_answer(reader: InboxReader, aws: Aws) -> None:
    # Lambda escapes each quote and each backslash of an answer once more.
    payload = {"text": '"' * (MOST_BYTES // 10)}
    for number in range(1, 6):
        aws.events.put(event(f"evt_{number}", payload=payload), RETENTION_DAYS)
        aws.inboxes.append("sub_1", [DeliveryKey(f"evt_{number}", "sub_1")])
    position = 0
    while position < 5:
        fetched, reached = reader.read("sub_1", position, 10, 0)
        assert reached == fetched[-1].position > position
        shown = json.dumps(json.dumps([each.document()["event"]["metadata"] for each in fetched]))
        size = sum(len(json.dumps(payload["text"] + "  ")) * 2 for _ in fetched) + len(shown)
        assert size < 6_000_000
        position = reached


def shaped_events(aws: Aws, payload: Any, transform: Transform) -> None:
    aws.subscriptions.create(subscription(transform=transform))
    for number in range(1, 11):
        aws.events.put(event(f"evt_{number}", payload=payload), RETENTION_DAYS)
        key = DeliveryKey(f"evt_{number}", "sub_1")
        aws.inboxes.append("sub_1", [key], shaped=True)


def test_results_of_a_transform_fit_into_an_answer(reader: InboxReader, aws: Aws) -> None:
    text = "x" * 10_000
    shaped_events(aws, {"text": text}, Transform("payload", expression="$join([1..90].$$.text)"))
    position, sizes = 0, []
    while position < 10:
        fetched, position = reader.read("sub_1", position, 10, 0)
        sizes.append(sum(len(orjson.dumps(each.document())) for each in fetched))
    assert len(sizes) == 2
    assert max(sizes) < 6_000_000


def test_upcasts_that_take_long_end_a_page_early(reader: InboxReader, aws: Aws, time: Time) -> None:
    class Slow:
        """Takes a part of the time for each event."""

        def shown(self, about: Event, wanted: int | None) -> Event:
            asked.append((about.id, wanted))
            time.now += SHAPING_SECONDS * 0.4
            return about

    asked: list[tuple[str, int | None]] = []
    slow: Any = Slow()
    reader = replace(reader, upcaster=slow)
    aws.subscriptions.create(subscription(schema_version=2))
    for number in range(9):
        name = f"evt_{number}"
        aws.events.put(replace(event(name), schema_version=1), RETENTION_DAYS)
        aws.inboxes.append("sub_1", [DeliveryKey(name, "sub_1")])
    assert read(reader, 0) == ([1, 2], 2)
    assert read(reader, 8) == ([9], 9)
    assert len(asked) < 6
    assert asked[0] == ("evt_0", 2)


def test_transforms_that_take_long_end_a_page_early(
    reader: InboxReader, aws: Aws, time: Time, monkeypatch: pytest.MonkeyPatch
) -> None:
    shaped_events(aws, {"n": 1}, Transform("payload", expression="n"))

    def slow(request: DeliveryRequest) -> Shaped | None:
        time.now += SHAPING_SECONDS * 0.4
        return shaped(request)

    monkeypatch.setattr(module, "shaped", slow)
    assert read(reader, 0) == ([1, 2], 2)
    assert read(reader, 9) == ([10], 10)


def test_a_slot_is_taken_once_and_only_to_wait(reader: InboxReader, fill: Fill, time: Time) -> None:
    uses: list[str] = []

    @contextmanager
    def slot() -> Iterator[None]:
        uses.append("taken")
        yield
        uses.append("returned")

    reader = replace(reader, slot=slot)
    assert read(reader, 0) == ([], 0)
    assert uses == []
    time.waiting = [lambda: None, lambda: fill("evt_1")]
    assert read(reader, 0, wait=20) == ([1], 1)
    assert uses == ["taken", "returned"]
    assert read(reader, 0, wait=20) == ([1], 1)
    assert uses == ["taken", "returned"]


def test_sealed_payloads_are_opened_for_the_owner_of_the_inbox(
    reader: InboxReader, aws: Aws
) -> None:
    class Recorder:
        """Opens nothing, and knows for whom it was asked."""

        def shown(self, about: Event, caller: Caller) -> Event:
            asked.append((about.id, caller))
            return about

    asked: list[tuple[str, Caller]] = []
    readers: Any = Recorder()
    reader = replace(reader, readers=readers)
    aws.subscriptions.create(subscription(service_id="worker"))
    sealed = replace(event("evt_1"), sealed_key="AAAA")
    aws.events.put(sealed, RETENTION_DAYS)
    for owner in ("sub_1", "sub_gone"):
        aws.inboxes.append(owner, [DeliveryKey("evt_1", owner)])
        [fetched] = reader.read(owner, 0, 10, 0)[0]
        assert fetched.delivery_id == "evt_1"
    assert asked == [
        ("evt_1", Caller("worker", "service")),
        ("evt_1", Caller("", "service")),
    ]


def test_a_client_fetches_what_is_too_large_for_a_message() -> None:
    fetched = Fetched(7, "evt_1:rpl_1", "task.done", {"id": "evt_1", "payload": {"a": 1}})
    assert fetched.without_payload().event == {"id": "evt_1", "payload": None}
    binary = replace(fetched, event={"id": "evt_1", "payload_base64": "AAAA"})
    assert binary.without_payload().event == {"id": "evt_1", "payload_base64": None}
    transformed = replace(fetched, event="a text").without_payload()
    assert transformed.document() == {
        "cursor": "7",
        "delivery_id": "evt_1:rpl_1",
        "event": None,
        "error": {
            "code": "too_large",
            "detail": "the transformed event is too large for a message; pull it",
        },
    }
