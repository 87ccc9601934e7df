"""A publisher says which services may receive a type, and names services that are known."""

from dataclasses import asdict, replace
from typing import Any

import pytest
from botocore.exceptions import ConnectionClosedError
from event_bus.access.receive_rights import ReceiveRights
from event_bus.errors import Conflict, InvalidRequest
from event_bus.model.publisher import Publisher
from event_bus.model.rights import Grant
from event_bus.registry.publishers import PublisherRegistry
from event_bus.requests.publisher import PublisherChange, PublisherRegistration
from event_bus.requests.readers import MAX_READERS, MAX_RESTRICTED_NAMES
from event_bus.requests.validation import read
from event_bus.stores.items import document, text
from event_bus.stores.rights import right_in

from tests.aws import Aws
from tests.builders import AN_ADMIN, NOON, service, subscription
from tests.faults import not_sent
from tests.interference import before_next


@pytest.fixture
def registry(aws: Aws) -> PublisherRegistry:
    """A registry of publishers, to which two services are known."""
    for each in ("worker", "auditor"):
        aws.rights.put(Grant(each, ["*"]))
    return PublisherRegistry(aws.registrations)


def register(registry: PublisherRegistry, **members: Any) -> Publisher:
    sent = {"service_id": "planner", "event_types": ["task.*", "role.made"], **members}
    return registry.register(read(PublisherRegistration, sent), AN_ADMIN)[0]


def change(registry: PublisherRegistry, **members: Any) -> Publisher:
    return registry.change("planner", read(PublisherChange, members), service("planner"))


def receives(aws: Aws, service_id: str, event_type: str) -> bool:
    """Whether a service may receive a type from the planner, by reads and the log alike."""
    logged = ReceiveRights("everything")
    for _, entry in aws.log.after(0):
        if right := right_in(entry):
            logged.take(right)
    by_log = logged.permits(service_id, event_type, "planner")
    read_now = aws.rights_reader.of(service_id, ["planner"])
    assert read_now.permits(service_id, event_type, "planner") == by_log
    return by_log


def test_a_registration_restricts_types(aws: Aws, registry: PublisherRegistry) -> None:
    made = register(registry, restricted={"task.*": ["worker", "worker"], "role.made": []})
    assert made.restricted == {"task.*": ["worker"], "role.made": []}
    assert registry.get("planner", service("planner")) == made
    assert [receives(aws, each, "task.created") for each in ("worker", "auditor", "planner")] == [
        True,
        False,
        True,
    ]
    assert not receives(aws, "worker", "role.made")


def test_a_change_restricts_types_and_lifts_it(aws: Aws, registry: PublisherRegistry) -> None:
    register(registry)
    assert receives(aws, "auditor", "task.created")
    after = change(registry, restricted={"task.created": ["worker"]})
    assert registry.get("planner", AN_ADMIN) == after
    assert not receives(aws, "auditor", "task.created")
    change(registry, name="P")
    assert not receives(aws, "auditor", "task.created")
    change(registry, restricted={})
    assert receives(aws, "auditor", "task.created")
    assert list(aws.rights.read("stranger", ["planner"])) == []


def test_a_publisher_and_what_it_restricts_change_together(
    aws: Aws, registry: PublisherRegistry
) -> None:
    before, restricted = register(registry), {"task.*": ["worker"]}
    with not_sent(aws.dynamodb, "TransactWriteItems"), pytest.raises(ConnectionClosedError):
        change(registry, name="P", restricted=restricted)
    assert registry.get("planner", AN_ADMIN) == before
    assert receives(aws, "auditor", "task.created")


def test_a_refused_registration_restricts_nothing(aws: Aws, registry: PublisherRegistry) -> None:
    register(registry, restricted={"task.*": ["worker"]})
    with pytest.raises(Conflict):
        register(registry, restricted={"task.*": ["auditor"]})
    assert receives(aws, "worker", "task.created")
    assert not receives(aws, "auditor", "task.created")


def test_of_two_changes_at_once_both_count(
    aws: Aws, registry: PublisherRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    register(registry)
    before_next(aws, monkeypatch, "transact_write_items", lambda: change(registry, name="P"))
    after = change(registry, restricted={"task.*": ["worker"]})
    assert (after.name, after.restricted) == ("P", {"task.*": ["worker"]})
    assert not receives(aws, "auditor", "task.created")


def test_restrictions_stay_until_the_next_registration(
    aws: Aws, registry: PublisherRegistry
) -> None:
    register(registry, restricted={"task.*": ["worker"]})
    registry.remove("planner", AN_ADMIN)
    assert [receives(aws, each, "task.made") for each in ("worker", "auditor")] == [True, False]
    register(registry, restricted={"task.*": ["auditor"]})
    assert [receives(aws, each, "task.made") for each in ("worker", "auditor")] == [False, True]
    registry.remove("planner", AN_ADMIN)
    register(registry)
    assert [receives(aws, each, "task.made") for each in ("worker", "auditor")] == [True, True]


def test_a_publisher_of_an_earlier_release_can_be_changed(
    aws: Aws, registry: PublisherRegistry
) -> None:
    stored = asdict(Publisher("planner", "P", ["task.*"], NOON, NOON))
    for later in ("restricted", "stream_categories", "kept_stream_categories"):
        del stored[later]
    item = {
        "service_id": text("planner"),
        "kind": text("publisher"),
        "document": document(stored),
    }
    aws.dynamodb.put_item(TableName=aws.tables["publishers"], Item=item)
    assert change(registry, restricted={"task.*": []}).restricted == {"task.*": []}
    assert not receives(aws, "worker", "task.created")
    assert change(registry, restricted={}, name="Q").name == "Q"


@pytest.mark.parametrize(
    ("members", "where"),
    [
        ({"sensitive_readers": ["worker", "wroker"]}, ["/sensitive_readers/1"]),
        (
            {"restricted": {"task.*": ["wroker", "worker"], "role.made": ["wroker"]}},
            ["/restricted/task.*/0", "/restricted/role.made/0"],
        ),
        (
            {"sensitive_readers": ["x"], "restricted": {"task.a": ["y"]}},
            ["/sensitive_readers/0", "/restricted/task.a/0"],
        ),
    ],
)
def test_unknown_services_are_refused(
    aws: Aws, registry: PublisherRegistry, members: dict[str, Any], where: list[str]
) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        register(registry, **members)
    assert [each.pointer for each in refusal.value.faults] == where
    assert aws.publishers.get("planner") is None
    before = register(registry)
    with pytest.raises(InvalidRequest) as refusal:
        change(registry, **members)
    assert [each.pointer for each in refusal.value.faults] == where
    assert "PUT /subscribers/{id}" in refusal.value.detail
    assert registry.get("planner", AN_ADMIN) == before


def test_publishers_subscribers_and_those_to_whom_types_are_given_are_known(
    aws: Aws, registry: PublisherRegistry
) -> None:
    register(registry, service_id="shop")
    aws.subscriptions.create(subscription("sub_1", "listener"))
    # To be given nothing is to be known, too; and a publisher may name itself.
    aws.rights.put(Grant("later", []))
    named = ["shop", "listener", "later", "planner"]
    made = register(registry, sensitive_readers=named, restricted={"task.*": named})
    assert (made.sensitive_readers, made.restricted) == (named, {"task.*": named})


def test_a_service_that_has_gone_stays_named(aws: Aws, registry: PublisherRegistry) -> None:
    register(registry, sensitive_readers=["worker"], restricted={"task.*": ["auditor"]})
    for each in ("worker", "auditor"):
        assert aws.rights.remove(Grant(each, None))
    shown = registry.get("planner", AN_ADMIN)
    again = change(registry, sensitive_readers=shown.sensitive_readers, restricted=shown.restricted)
    assert replace(again, updated_at=shown.updated_at) == shown
    with pytest.raises(InvalidRequest):
        change(registry, sensitive_readers=["worker", "other"])


@pytest.mark.parametrize(
    ("restricted", "where"),
    [
        ({"task.*": [f"s{each}" for each in range(MAX_READERS + 1)]}, "/restricted/task.*"),
        (
            {
                f"task.t{place}": [f"s{each}" for each in range(MAX_READERS)]
                for place in range(MAX_RESTRICTED_NAMES // MAX_READERS + 1)
            },
            "/restricted",
        ),
        ({f"task.t{each}": [] for each in range(101)}, "/restricted"),
        ({"task.*": ["no name"]}, "/restricted/task.*/0"),
        ({"task.*": "worker"}, "/restricted/task.*"),
        ([], "/restricted"),
    ],
)
def test_the_restricted_types_of_a_publisher_are_bounded(restricted: Any, where: str) -> None:
    for model, more in (
        (PublisherRegistration, {"service_id": "planner", "event_types": ["task.*"]}),
        (PublisherChange, {}),
    ):
        with pytest.raises(InvalidRequest) as refusal:
            read(model, {**more, "restricted": restricted})
        assert [each.pointer for each in refusal.value.faults] == [where]
