"""The types that services may receive: given, shown and removed."""

import pytest
from event_bus import times
from event_bus.access.subscribers import Subscribers
from event_bus.errors import Conflict, InvalidRequest, NotFound
from event_bus.model.rights import Grant
from event_bus.requests.subscriber import SubscriberRequest
from event_bus.stores.refusals import Outdated
from event_bus.stores.rights import RightsStore

from tests.aws import Aws
from tests.builders import AN_ADMIN, LATER, NOON, service
from tests.interference import before_next


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


def test_a_right_keeps_the_time_when_it_was_first_given(
    aws: Aws, monkeypatch: pytest.MonkeyPatch
) -> None:
    subscribers = Subscribers(aws.rights)
    monkeypatch.setattr(times, "now", lambda: NOON)
    subscribers.put("worker", SubscriberRequest(event_types=["task.*"]))
    assert aws.rights.grant("worker") == Grant("worker", ["task.*"], NOON, NOON)
    monkeypatch.setattr(times, "now", lambda: LATER)
    subscribers.put("worker", SubscriberRequest(event_types=[]))
    assert aws.rights.grant("worker") == Grant("worker", [], NOON, LATER)


def test_one_of_several_requests_at_once_creates_a_right(
    aws: Aws, monkeypatch: pytest.MonkeyPatch
) -> None:
    subscribers = Subscribers(aws.rights)
    others: list[tuple[Grant, bool]] = []

    def meanwhile() -> None:
        others.append(subscribers.put("worker", SubscriberRequest(event_types=["task.*"])))

    before_next(aws, monkeypatch, "transact_write_items", meanwhile)
    right, is_new = subscribers.put("worker", SubscriberRequest(event_types=["order.*"]))
    [(first, was_new)] = others
    assert (was_new, is_new) == (True, False)
    assert right.created_at == first.created_at
    assert aws.rights.grant("worker") == right
    # A right that is removed meanwhile is created anew.
    before_next(aws, monkeypatch, "transact_write_items", lambda: subscribers.remove("worker"))
    assert subscribers.put("worker", SubscriberRequest(event_types=[]))[1]


def test_a_right_that_others_change_in_every_attempt_is_refused(
    aws: Aws, monkeypatch: pytest.MonkeyPatch
) -> None:
    def outdated(_store: RightsStore, grant: Grant, _before: Grant | None) -> None:
        raise Outdated(grant.service_id)

    monkeypatch.setattr(RightsStore, "put", outdated)
    monkeypatch.setattr(times, "sleep", lambda _: None)
    with pytest.raises(Conflict, match="changed the right of the service worker"):
        Subscribers(aws.rights).put("worker", SubscriberRequest(event_types=[]))


def test_a_service_lists_its_own_right_once(aws: Aws) -> None:
    subscribers = Subscribers(aws.rights)
    for each in ("auditor", "worker"):
        subscribers.put(each, SubscriberRequest(event_types=["*"]))
    assert subscribers.page("worker", 9, service("worker")) == []
    assert subscribers.page(None, 9, service("stranger")) == []
    assert subscribers.page("auditor", 9, service("stranger")) == []


def test_a_right_that_was_not_found_is_named(aws: Aws) -> None:
    subscribers = Subscribers(aws.rights)
    named = "right of the service worker"
    with pytest.raises(NotFound, match=named):
        subscribers.get("worker", AN_ADMIN)
    with pytest.raises(NotFound, match=named):
        subscribers.remove("worker")
