"""What fails is found, the worst first, for whoever may see it."""

import pytest
from event_bus.model.circuit import Circuit, Tally
from event_bus.model.delivery import DeliveryError
from event_bus.registry.failing import FailingSubscriptions
from event_bus.stores.levels import LevelStore, waiting

from tests.aws import Aws
from tests.builders import AN_ADMIN, NOON, service, subscription

ERROR = DeliveryError("http_status", "the subscriber answered 503", NOON)


@pytest.fixture
def failing(aws: Aws) -> FailingSubscriptions:
    levels = LevelStore(aws.table("metrics"))
    return FailingSubscriptions(aws.subscriptions, aws.circuits, levels)


def fails(aws: Aws, name: str, since: float, failures: int = 1, service_id: str = "worker") -> None:
    aws.subscriptions.create(subscription(name, service_id))
    tally = Tally(failures=failures, trailing=failures, error=ERROR)
    assert aws.circuits.put(name, Circuit(window_start=since).after(tally, since))


def names(failing: FailingSubscriptions, *args: object) -> list[str]:
    found, _ = failing.find(*args)  # type: ignore[arg-type]
    return [each.subscription.id for each in found]


def test_an_open_circuit_comes_first_then_the_longest_failure(
    aws: Aws, failing: FailingSubscriptions
) -> None:
    fails(aws, "sub_1", 300.0)
    fails(aws, "sub_2", 100.0)
    fails(aws, "sub_3", 200.0, failures=10)
    aws.subscriptions.create(subscription("sub_4"))
    assert names(failing, service("worker"), 10) == ["sub_3", "sub_2", "sub_1"]
    found, total = failing.find(service("worker"), 2)
    assert (len(found), total) == (2, 3)
    assert found[0].circuit.last_error == ERROR
    assert found[0].circuit.failing_since == 200.0


def test_the_level_says_how_many_wait(aws: Aws, failing: FailingSubscriptions) -> None:
    fails(aws, "sub_1", 100.0)
    fails(aws, "sub_2", 200.0)
    failing.levels.add("batch", {waiting("sub_1"): 3})
    found, _ = failing.find(service("worker"), 10)
    assert [each.waiting for each in found] == [3, 0]


def test_a_service_sees_its_own_and_an_admin_all(aws: Aws, failing: FailingSubscriptions) -> None:
    fails(aws, "sub_1", 100.0)
    fails(aws, "sub_2", 200.0, service_id="other")
    assert names(failing, service("worker"), 10) == ["sub_1"]
    assert names(failing, service("stranger"), 10) == []
    assert names(failing, AN_ADMIN, 10) == ["sub_1", "sub_2"]


def test_recovered_and_deleted_subscriptions_are_not_listed(
    aws: Aws, failing: FailingSubscriptions
) -> None:
    fails(aws, "sub_1", 100.0)
    circuit = aws.circuits.get_many(["sub_1"])["sub_1"]
    aws.circuits.put("sub_1", circuit.after(Tally(successes=1), 150.0))
    # Its circuit is left behind for a while.
    assert aws.circuits.put("sub_2", Circuit(failing_since=1.0, consecutive=3, version=1))
    assert names(failing, AN_ADMIN, 10) == []


def test_some_of_a_page_are_picked_out(aws: Aws, failing: FailingSubscriptions) -> None:
    fails(aws, "sub_1", 100.0)
    well = aws.subscriptions.create(subscription("sub_2"))
    both = [well, *aws.subscriptions.of_service("worker")]
    assert failing.among(both) == {"sub_1"}
    assert failing.among([]) == set()
