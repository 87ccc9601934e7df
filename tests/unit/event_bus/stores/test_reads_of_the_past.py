"""What was stored a moment ago is read, where a promise depends on it.

Every read that need not be consistent answers the past here: it finds empty tables.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest
from event_bus.model.circuit import Circuit
from event_bus.model.command_record import Command
from event_bus.model.contexts import ContextEntry
from event_bus.model.delivery import DeliveryKey
from event_bus.model.pace import Pace
from event_bus.model.read_model import Generation, ModelState, ReadModel
from event_bus.model.reducer import Reducer, ReducerVersion
from event_bus.model.rights import Grant
from event_bus.model.stream_name import StreamName
from event_bus.stores.deduplication import DeduplicationStore
from event_bus.stores.read_models import ReadModelStore
from event_bus.stores.socket_subscribers import SocketSubscriber, SocketSubscriberKey
from event_bus.stores.streams import StreamEntry, StreamMarks
from event_bus.stores.transactions import transact

from infra.tables import TABLES
from tests.aws import RETENTION_DAYS, Aws
from tests.builders import NOON, delivery, event, key, publisher, replay, routing, subscription
from tests.simulation.dynamodb import MemoryDynamoDB
from tests.simulation.tables import Tables

STREAM = StreamName("planner", "task/1")
MODEL = ReadModel("planner", "task", NOON, NOON, building=Generation(1, 0, [], NOON))
STATE = ModelState("task/1", version=1, updated_at=NOON)
KEY = DeliveryKey("evt_1", "sub_1")
SOCKET = SocketSubscriberKey("sub_1", "c1")


@pytest.fixture
def aws(aws: Aws) -> Aws:
    tables = Tables(TABLES)
    dynamodb: Any = MemoryDynamoDB(tables, age=lambda: 5.0)
    return replace(aws, dynamodb=dynamodb, retrying=dynamodb)


def models(aws: Aws) -> ReadModelStore:
    return ReadModelStore(aws.table("states"), aws.table("changes"))


def deduplication(aws: Aws) -> DeduplicationStore:
    return DeduplicationStore(aws.table("events"))


def append(aws: Aws) -> None:
    entries = [StreamEntry(each, f"evt_{each}", NOON) for each in (1, 2)]
    transact(aws.streams.adding_parts(STREAM, entries, listed=False))


def end(aws: Aws) -> None:
    append(aws)
    aws.streams.delete(STREAM, 2)


EVENT = event()
DEDUPLICATED = event(metadata={"deduplication_key": "once"})
HANDLING = subscription(event_types=["command.pay"], handles=True)
REDUCER = ReducerVersion("planner", "task", 1, Reducer("merge"), NOON, "planner")
SECOND = replace(REDUCER, number=2)


def claim(aws: Aws) -> None:
    part = deduplication(aws).claiming_part(DEDUPLICATED)
    assert part
    transact([part])


def reduce_anew(aws: Aws) -> None:
    aws.reducers.add(REDUCER)
    aws.reducers.add(SECOND)


@dataclass(frozen=True)
class Case:
    """What is stored, and what reading finds of it."""

    store: Callable[[Aws], object]
    read: Callable[[Aws], object]
    found: object


CASES = {
    "an event": Case(
        lambda aws: aws.events.put(EVENT, RETENTION_DAYS),
        lambda aws: aws.events.get("evt_1"),
        EVENT,
    ),
    "several events": Case(
        lambda aws: aws.events.put(EVENT, RETENTION_DAYS),
        lambda aws: aws.events.get_many(["evt_1"]),
        {"evt_1": EVENT},
    ),
    "a deduplication key": Case(
        claim,
        lambda aws: deduplication(aws).first(DEDUPLICATED),
        "evt_1",
    ),
    "the end of a stream": Case(append, lambda aws: aws.streams.last_version(STREAM), 2),
    "the entries of a stream": Case(
        append,
        lambda aws: [
            len(aws.streams.after(STREAM, 0, 9)),
            len(aws.streams.between(STREAM, 1, 2, 9)),
        ],
        [2, 2],
    ),
    "a truncated stream": Case(
        lambda aws: aws.streams.truncate(STREAM, 2),
        lambda aws: aws.streams.marks(STREAM),
        StreamMarks(truncate_before=2),
    ),
    "several deleted streams": Case(
        end,
        lambda aws: [each.first_visible > 2 for each in aws.streams.marks_of([STREAM]).values()],
        [True],
    ),
    "a subscription": Case(
        lambda aws: aws.subscriptions.create(subscription()),
        lambda aws: [
            aws.subscriptions.get("sub_1") is not None,
            [*aws.subscriptions.get_many(["sub_1"])],
            [each.id for each in aws.subscriptions.routing_rules()],
            aws.log.latest(),
            len([*aws.log.after(0)]),
        ],
        [True, ["sub_1"], ["sub_1"], 1, 1],
    ),
    "the subscriptions of a service": Case(
        lambda aws: aws.subscriptions.create(subscription()),
        lambda aws: aws.subscriptions.counts.stored("worker").subscriptions,
        1,
    ),
    "a handler": Case(
        lambda aws: transact(aws.handlers.claiming_parts(HANDLING)),
        lambda aws: aws.handlers.of("command.pay") is not None,
        True,
    ),
    "rights": Case(
        lambda aws: aws.rights.put(Grant("worker", ["task.*"])),
        lambda aws: [
            aws.rights.grant("worker") is not None,
            len(aws.rights.read("worker", ["planner"])),
            len([*aws.rights.all()]),
        ],
        [True, 1, 1],
    ),
    "a publisher": Case(
        lambda aws: aws.add_publishers(publisher()),
        lambda aws: [
            aws.publishers.get("planner"),
            aws.schemas.publisher_and_index("planner")[0],
        ],
        [publisher(), publisher()],
    ),
    "a key": Case(
        lambda aws: aws.add_keys(key("secret")),
        lambda aws: [each.service_id for each in aws.keys.ring("planner").keys],
        ["planner"],
    ),
    "a reducer": Case(
        reduce_anew,
        lambda aws: [
            aws.reducers.latest("planner", "task"),
            aws.reducers.version("planner", "task", 1),
            *aws.reducers.history("planner", "task", None, 9),
        ],
        [SECOND, REDUCER, SECOND, REDUCER],
    ),
    "a read model": Case(
        lambda aws: models(aws).announce(None, MODEL),
        lambda aws: [models(aws).get("planner", "task"), *models(aws).all()],
        [MODEL, MODEL],
    ),
    "a state": Case(
        lambda aws: models(aws).put_state(MODEL, Generation(1, 0, [], NOON), None, STATE),
        lambda aws: models(aws).state(MODEL, 1, "task/1"),
        STATE,
    ),
    "a command": Case(
        lambda aws: aws.commands.save(Command("evt_1")),
        lambda aws: [aws.commands.get(event()), *aws.commands.get_many([event()]).values()],
        [Command("evt_1", version=1)] * 2,
    ),
    "a delivery": Case(
        lambda aws: aws.deliveries.record(delivery(), 1),
        lambda aws: [
            aws.deliveries.get(KEY),
            *aws.deliveries.get_many([KEY]).values(),
            *aws.deliveries.of_event("evt_1")[1],
        ],
        [delivery()] * 3,
    ),
    "a routing record": Case(
        lambda aws: aws.routings.record([routing(sub_1="worker")]),
        lambda aws: aws.routings.get_many(["evt_1"], consistent=True),
        {"evt_1": routing(sub_1="worker")},
    ),
    "a replay": Case(
        lambda aws: aws.replays.add(replay()), lambda aws: aws.replays.get("rpl_1"), replay()
    ),
    "an inbox": Case(
        lambda aws: aws.inboxes.append("sub_1", [KEY]),
        lambda aws: [aws.inboxes.last("sub_1"), len(aws.inboxes.after("sub_1", 0, 9))],
        [1, 1],
    ),
    "a lease": Case(
        lambda aws: aws.inbox_cursors.lend("sub_1", "a", 0, 3, 60),
        lambda aws: aws.inbox_cursors.get("sub_1").lease,
        "a",
    ),
    "a connected client": Case(
        lambda aws: aws.socket_subscribers.add(
            SocketSubscriber(SOCKET, 0, 0, durable=True), "h", 9, 2**40
        ),
        lambda aws: [
            aws.socket_subscribers.get(SOCKET) is not None,
            aws.socket_subscribers.of_subscription("sub_1"),
        ],
        [True, [SOCKET]],
    ),
    "a circuit": Case(
        lambda aws: aws.circuits.put("sub_1", Circuit(version=1)),
        lambda aws: [
            [*aws.circuits.get_many(["sub_1"])],
            [*aws.circuits.with_paces(["sub_1"])[0]],
        ],
        [["sub_1"], ["sub_1"]],
    ),
    "a pace": Case(
        lambda aws: aws.paces.put("sub_1", Pace(version=1)),
        lambda aws: [
            aws.paces.get("sub_1") is not None,
            [*aws.circuits.with_paces(["sub_1"])[1]],
        ],
        [True, ["sub_1"]],
    ),
    "a context": Case(
        lambda aws: aws.contexts.add(ContextEntry("shop", "people", "1", b"{}", 1, NOON), 9),
        lambda aws: aws.contexts.get("shop", "people", "1") is not None,
        True,
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_a_read_finds_an_item_that_was_just_stored(aws: Aws, case: Case) -> None:
    case.store(aws)
    assert case.read(aws) == case.found


def test_a_dropped_generation_has_no_states(aws: Aws) -> None:
    models(aws).put_state(MODEL, Generation(1, 0, [], NOON), None, STATE)
    assert not models(aws).drop(MODEL, 1)
    assert models(aws).state(MODEL, 1, "task/1") is None


def test_a_dead_letter_that_has_just_changed_is_read_as_it_is(aws: Aws) -> None:
    now = 0.0
    dynamodb: Any = MemoryDynamoDB(Tables(TABLES, lambda: now), age=lambda: 5.0)
    aws = replace(aws, dynamodb=dynamodb)
    dead = delivery("exhausted", dead_letter_id="dl_1")
    aws.deliveries.record(dead, 1)
    now = 100.0
    reopened = aws.retried(dead)
    assert aws.dead_letters.get("dl_1") == reopened
