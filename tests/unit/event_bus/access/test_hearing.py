"""Nobody subscribes to what its service may not receive."""

import pytest
from event_bus.access.hearing import Hearing, Subscribers
from event_bus.access.receive_rights import RightsReader
from event_bus.errors import Forbidden, InvalidRequest, NotFound
from event_bus.model.rights import Default, Grant
from event_bus.requests.subscriber import SubscriberRequest

from tests.aws import Aws
from tests.builders import AN_ADMIN, publisher, service


def hearing(aws: Aws, default: Default = "everything") -> Hearing:
    own = publisher("worker", "work.*")
    return Hearing(RightsReader(aws.rights, default), {"worker": own}.get)


@pytest.mark.parametrize(
    ("asked", "refused"),
    [
        (["task.created"], []),
        (["task.*"], []),
        (["*.created"], []),
        (["*"], []),
        (["work.done", "work.*"], []),
        (["order.placed"], [0]),
        (["task.created", "order.*", "user.made"], [1, 2]),
    ],
)
def test_a_pattern_of_which_nothing_may_be_received_is_refused(
    aws: Aws, asked: list[str], refused: list[int]
) -> None:
    aws.rights.put(Grant("worker", ["task.*"]))
    if not refused:
        return hearing(aws).check("worker", asked)
    with pytest.raises(Forbidden) as refusal:
        hearing(aws).check("worker", asked)
    assert [each.pointer for each in refusal.value.faults] == [
        f"/event_types/{place}" for place in refused
    ]
    assert refusal.value.reason == "receive_type"
    return None


def test_the_default_holds_for_whom_nothing_is_given(aws: Aws) -> None:
    hearing(aws).check("stranger", ["order.placed"])
    with pytest.raises(Forbidden):
        hearing(aws, "nothing").check("stranger", ["order.placed"])
    hearing(aws, "nothing").check("admin", ["order.placed"])
    hearing(aws, "nothing").check("worker", ["work.done"])


def test_types_are_given_shown_and_taken_away(aws: Aws) -> None:
    subscribers = Subscribers(aws.rights)
    first, is_new = subscribers.put("worker", SubscriberRequest(event_types=["task.*", "task.*"]))
    assert (first.event_types, is_new) == (["task.*"], True)
    second, is_new = subscribers.put("worker", SubscriberRequest(event_types=[]))
    assert (second.created_at, is_new) == (first.created_at, False)
    subscribers.put("auditor", SubscriberRequest(event_types=["*"]))
    assert subscribers.get("worker", AN_ADMIN) == second
    assert subscribers.get("worker", service("worker")) == second
    with pytest.raises(NotFound):
        subscribers.get("worker", service("auditor"))
    names = [each.service_id for each in subscribers.page(None, 9, AN_ADMIN)]
    assert names == ["auditor", "worker"]
    assert [each.service_id for each in subscribers.page("auditor", 9, AN_ADMIN)] == ["worker"]
    assert subscribers.page(None, 9, service("worker")) == [second]
    subscribers.remove("worker")
    with pytest.raises(NotFound):
        subscribers.get("worker", AN_ADMIN)
    with pytest.raises(NotFound):
        subscribers.remove("worker")


@pytest.mark.parametrize("name", ["admin", "eventbus"])
def test_nothing_is_given_to_the_bus_itself(aws: Aws, name: str) -> None:
    with pytest.raises(InvalidRequest):
        Subscribers(aws.rights).put(name, SubscriberRequest(event_types=["*"]))
