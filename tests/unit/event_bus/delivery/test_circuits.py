"""Functions that deliver side by side agree on a subscriber's circuit."""

from dataclasses import replace
from typing import Any

import orjson
import pytest
from event_bus import times
from event_bus.delivery.circuits import CACHE_SECONDS, Circuits, Permits
from event_bus.model.circuit import (
    CONSECUTIVE_FAILURES,
    KNOWN_SECONDS,
    WINDOW_SECONDS,
    Circuit,
    Tally,
)
from event_bus.model.delivery import DeliveryError
from event_bus.stores.announced_circuits import AnnouncedCircuits
from event_bus.stores.circuits import CircuitStore
from event_bus.targets.http import HttpTarget

from tests.aws import RETENTION_DAYS, Aws
from tests.builders import NOON, subscription
from tests.faults import not_sent


def two(aws: Aws) -> tuple[Circuits, Circuits, list[float]]:
    """Two functions, and what their clocks show."""
    now = [1_000.0]
    return Circuits(aws.circuits, lambda: now[0]), Circuits(aws.circuits, lambda: now[0]), now


def failed(count: int) -> Tally:
    """Attempts that all failed."""
    return Tally(failures=count, trailing=count)


def known(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
    """Gives sub_1 a circuit that every function knows, with one failure that does not count."""
    now = [times.unix()]
    monkeypatch.setattr(times, "unix", lambda: now[0])
    assert Circuits(aws.circuits).count("sub_1", failed(1))
    now[0] += KNOWN_SECONDS


@pytest.fixture
def over(aws: Aws) -> Circuit:
    """The open circuit of sub_1, whose pause is over."""
    circuit = Circuit(state="open", until=times.unix() - 1, version=1)
    assert aws.circuits.put("sub_1", circuit)
    return circuit


def batch(aws: Aws) -> Permits:
    """The permits of a batch in a function that has just started."""
    permits = Permits(Circuits(aws.circuits))
    permits.look_up(["sub_1"])
    return permits


def stored(aws: Aws) -> Circuit:
    return aws.circuits.get_many(["sub_1"])["sub_1"]


def test_one_of_them_sends_the_probe(aws: Aws, over: Circuit) -> None:
    first, second = batch(aws), batch(aws)
    assert first.take("sub_1") is None
    for each in (second, first, second):
        retry_at = each.take("sub_1")
        assert retry_at is not None
        assert retry_at > times.unix()
    assert stored(aws).version == over.version + 1


def test_checking_a_delivery_takes_no_permit(aws: Aws, over: Circuit) -> None:
    permits = batch(aws)
    assert permits.retry_at("sub_1") is None
    assert stored(aws) == over
    permits.take("sub_1")
    assert permits.retry_at("sub_1") is not None


def test_a_permit_that_no_attempt_used_comes_back(aws: Aws, over: Circuit) -> None:
    first = batch(aws)
    assert first.take("sub_1") is None
    assert first.close() == {}
    second = batch(aws)
    assert second.take("sub_1") is None
    assert stored(aws).pause == over.pause


def test_nothing_is_given_back_once_the_probe_has_a_result(aws: Aws, over: Circuit) -> None:
    circuits = Circuits(aws.circuits)
    circuits.look_up(["sub_1"])
    assert over.state == "open"
    assert circuits.probe("sub_1")
    after = circuits.count("sub_1", failed(1))
    assert after
    circuits.give_back("sub_1")
    assert stored(aws) == after


def test_a_permit_is_not_lost_with_the_answer_to_its_write(aws: Aws, over: Circuit) -> None:
    taken = over.probed(times.unix())
    assert taken
    original = aws.dynamodb.put_item

    def twice(**request: object) -> object:
        original(**request)  # type: ignore[arg-type]
        return original(**request)  # type: ignore[arg-type]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(aws.dynamodb, "put_item", twice)
        assert aws.circuits.put("sub_1", taken)
    assert not aws.circuits.put("sub_1", taken)


def test_a_circuit_that_was_removed_is_not_probed(aws: Aws, over: Circuit) -> None:
    permits = batch(aws)
    aws.circuits.forget("sub_1")
    assert permits.take("sub_1") is None
    assert aws.circuits.get_many(["sub_1"]) == {}
    assert over.state == "open"


def test_the_result_of_a_probe_counts_within_its_batch(aws: Aws, over: Circuit) -> None:
    permits = batch(aws)
    assert permits.take("sub_1") is None
    permits.ended("sub_1", delivered=True)
    assert permits.take("sub_1") is None
    assert aws.circuits.get_many(["sub_1"]) == {}
    assert over.version == 1


def test_a_probe_that_failed_has_the_rest_of_its_batch_wait(aws: Aws, over: Circuit) -> None:
    permits = batch(aws)
    permits.take("sub_1")
    permits.ended("sub_1", delivered=False)
    assert permits.take("sub_1") is not None
    assert (stored(aws).state, stored(aws).pause) == ("open", 2 * over.pause)
    assert permits.close()["sub_1"].state == "open"


def test_ten_failures_in_a_row_open_it_within_their_batch(aws: Aws) -> None:
    permits = batch(aws)
    for number in range(3 * CONSECUTIVE_FAILURES):
        permits.ended("sub_1", delivered=number % 3 > 0)
    assert permits.close()["sub_1"].permits
    for _ in range(CONSECUTIVE_FAILURES):
        assert permits.take("sub_1") is None
        permits.ended("sub_1", delivered=False)
    assert permits.take("sub_1") is not None


def test_simultaneous_failures_of_two_functions_add_up(
    aws: Aws, monkeypatch: pytest.MonkeyPatch
) -> None:
    known(aws, monkeypatch)
    first, second, _ = two(aws)
    for each in (first, second):
        each.look_up(["sub_1"])
    first.count("sub_1", failed(CONSECUTIVE_FAILURES - 1))
    troubled = second.count("sub_1", failed(1))
    assert troubled
    assert troubled.state == "open"
    assert stored(aws) == troubled


def test_a_circuit_is_not_taken_for_the_one_before_it(aws: Aws) -> None:
    first, second, _ = two(aws)
    assert first.count("sub_1", failed(1))
    second.look_up(["sub_1"])
    aws.circuits.forget("sub_1")
    begun = Circuits(aws.circuits).count("sub_1", failed(2))
    assert begun
    assert begun.version == 1
    found = second.count("sub_1", failed(1))
    assert found
    assert (found.id, found.version, found.failures) == (begun.id, 2, 3)
    assert first.count("sub_1", failed(1)) == stored(aws)
    assert stored(aws).failures == 4


def test_a_circuit_of_an_earlier_version_of_the_bus_goes_on(aws: Aws) -> None:
    earlier = Circuit(window_start=times.unix(), failures=1, consecutive=1, version=1)
    assert aws.circuits.put("sub_1", earlier)
    circuits, _, _ = two(aws)
    circuits.look_up(["sub_1"])
    assert circuits.count("sub_1", failed(CONSECUTIVE_FAILURES))
    assert (stored(aws).state, stored(aws).id, stored(aws).version) == ("open", "", 2)
    # A function of the earlier version goes on with a later circuit, and does not keep its id.
    assert aws.circuits.forget("sub_1", stored(aws))
    assert circuits.count("sub_1", failed(1)) == stored(aws)
    earlier = replace(stored(aws), id="", failures=2, version=2)
    aws.circuits.table.put(aws.circuits._item("sub_1", earlier))
    assert circuits.count("sub_1", failed(1)) == stored(aws)
    assert (stored(aws).id, stored(aws).failures) == ("", 3)


@pytest.mark.parametrize("announces", [False, True])
def test_a_success_does_not_remove_a_circuit_that_opened_meanwhile(
    aws: Aws, monkeypatch: pytest.MonkeyPatch, announces: bool
) -> None:
    now = [1_800_000_000.0]
    monkeypatch.setattr(times, "unix", lambda: now[0])
    told = AnnouncedCircuits(aws.circuits, aws.events, RETENTION_DAYS)
    first = Circuits(aws.circuits, lambda: 0.0, announced=told if announces else None)
    assert first.count("sub_1", failed(1))
    now[0] += WINDOW_SECONDS
    opened = Circuits(aws.circuits).count("sub_1", failed(CONSECUTIVE_FAILURES))
    assert opened
    assert opened.state == "open"
    left = list[Circuit]()
    read_again = first._read_again

    def look(_: Circuits, subscription_id: str) -> None:
        left.append(stored(aws))
        read_again(subscription_id)

    monkeypatch.setattr(Circuits, "_read_again", look)
    assert first.count("sub_1", Tally(successes=1), subscription()) is None
    # The success counts for the open circuit, and closes it.
    assert left == [opened]
    assert aws.circuits.get_many(["sub_1"]) == {}
    closed = announced(aws, "closed", opened.opened_at or 0.0)
    assert (closed is not None) is announces


def test_a_success_of_a_long_batch_ends_a_row_of_failures_that_began_meanwhile(aws: Aws) -> None:
    first, second, now = two(aws)
    second.look_up(["sub_1"])
    for count in range(1, 4):
        found = first.count("sub_1", failed(1))
        assert found
        assert found.consecutive == count
    now[0] += CACHE_SECONDS + 0.1
    second.count("sub_1", Tally(successes=2))
    found = first.count("sub_1", failed(1))
    assert found
    assert (found.consecutive, found.successes, found.failures) == (1, 2, 4)


def test_a_success_of_a_short_batch_reads_nothing_more(
    aws: Aws, monkeypatch: pytest.MonkeyPatch
) -> None:
    circuits, _, now = two(aws)
    circuits.look_up(["sub_1"])
    monkeypatch.setattr(aws.dynamodb, "batch_get_item", None)
    now[0] += CACHE_SECONDS - 0.1
    assert circuits.count("sub_1", Tally(successes=1)) is None


def test_successes_of_a_long_batch_cost_one_read(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
    circuits, _, now = two(aws)
    permits = Permits(circuits)
    names = ["sub_1", "sub_2", "sub_3"]
    permits.look_up(names)
    reads: list[set[str]] = []
    with_paces = CircuitStore.with_paces

    def read(store: CircuitStore, subscription_ids: set[str], **how: bool) -> Any:
        reads.append(subscription_ids)
        return with_paces(store, subscription_ids, **how)

    monkeypatch.setattr(CircuitStore, "with_paces", read)
    now[0] += CACHE_SECONDS + 0.1
    for each in names:
        permits.ended(each, delivered=True)
    assert permits.close() == {}
    assert reads == [set(names)]


def test_a_function_learns_of_a_change_when_its_cache_expires(aws: Aws) -> None:
    first, second, now = two(aws)
    for each in (first, second):
        each.look_up(["sub_1"])
    first.count("sub_1", failed(CONSECUTIVE_FAILURES))
    assert Permits(first).retry_at("sub_1") is not None
    second.look_up(["sub_1"])
    assert Permits(second).retry_at("sub_1") is None
    now[0] += CACHE_SECONDS
    second.look_up(["sub_1"])
    assert Permits(second).retry_at("sub_1") is not None


def test_an_unwritten_result_is_written_at_the_end_of_the_batch(aws: Aws, over: Circuit) -> None:
    permits = batch(aws)
    permits.take("sub_1")
    with not_sent(aws.dynamodb, "PutItem"):
        permits.ended("sub_1", delivered=False)
    assert stored(aws).state == "half_open"
    permits.close()
    assert (stored(aws).state, stored(aws).pause) == ("open", 2 * over.pause)


def announcing(aws: Aws) -> Permits:
    """The permits of a batch in a function that announces circuits."""
    told = AnnouncedCircuits(aws.circuits, aws.events, RETENTION_DAYS)
    permits = Permits(Circuits(aws.circuits, announced=told), {"sub_1": subscription()})
    permits.look_up(["sub_1"])
    return permits


def announced(aws: Aws, change: str, opened_at: float) -> Any:
    """The payload of the event about the opened or closed circuit of sub_1."""
    found = aws.events.get(f"eventbus:circuit_{change}_sub_1_{round(1000 * opened_at)}")
    return found and orjson.loads(found.payload or b"null")


def fail(permits: Permits, times_: int = CONSECUTIVE_FAILURES) -> None:
    for _ in range(times_):
        permits.ended("sub_1", DeliveryError("timeout", "too late", NOON), delivered=False)


def test_an_event_announces_that_a_circuit_opened_and_another_that_it_closed(aws: Aws) -> None:
    fail(announcing(aws))
    opened = stored(aws)
    assert (opened.state, opened.opened_at is not None) == ("open", True)
    opened_at = opened.opened_at or 0.0
    payload = announced(aws, "opened", opened_at)
    assert (payload["subscription_id"], payload["service_id"]) == ("sub_1", "worker")
    assert payload["failures"] == CONSECUTIVE_FAILURES
    assert payload["error"] == {"code": "timeout", "message": "too late"}
    assert announced(aws, "closed", opened_at) is None
    assert aws.circuits.put("sub_1", replace(opened, until=0.0, version=opened.version + 1))
    # Functions that learn of the success at the same time announce it once.
    probing, other = announcing(aws), announcing(aws)
    assert probing.take("sub_1") is None
    for each in (probing, other):
        each.ended("sub_1", delivered=True)
        assert each.close() == {}
    assert announced(aws, "closed", opened_at)["failures"] == CONSECUTIVE_FAILURES
    assert aws.circuits.get_many(["sub_1"]) == {}


def test_failures_of_a_former_target_open_no_circuit(
    aws: Aws, monkeypatch: pytest.MonkeyPatch
) -> None:
    former = aws.subscriptions.create(subscription())
    told = AnnouncedCircuits(aws.circuits, aws.events, RETENTION_DAYS)
    circuits = Circuits(aws.circuits, announced=told, current=aws.subscriptions.get)
    assert circuits.count("sub_1", failed(CONSECUTIVE_FAILURES - 1), former)
    renamed = aws.subscriptions.update(replace(former, name="Another name"))
    moved = aws.subscriptions.update(replace(renamed, target=HttpTarget("https://new.example/")))
    # A lane that does not know the new target yet goes on with the former one.
    for _ in range(2):
        assert circuits.count("sub_1", failed(CONSECUTIVE_FAILURES), former) is None
        assert aws.circuits.get_many(["sub_1"]) == {}
    known(aws, monkeypatch)
    assert circuits.count("sub_1", failed(CONSECUTIVE_FAILURES - 1), moved)
    opened = circuits.count("sub_1", failed(1), moved)
    assert opened
    assert (opened.state, opened.consecutive) == ("open", CONSECUTIVE_FAILURES + 1)


def test_a_changed_name_does_not_keep_a_circuit_closed(aws: Aws) -> None:
    former = aws.subscriptions.create(subscription())
    aws.subscriptions.update(replace(former, name="Another name"))
    circuits = Circuits(aws.circuits, current=aws.subscriptions.get)
    opened = circuits.count("sub_1", failed(CONSECUTIVE_FAILURES), former)
    assert opened
    assert opened.state == "open"


def test_a_failure_that_opens_no_circuit_is_not_announced(aws: Aws) -> None:
    permits = announcing(aws)
    fail(permits, CONSECUTIVE_FAILURES - 1)
    assert permits.close()["sub_1"].state == "closed"
    assert announced(aws, "opened", stored(aws).opened_at or 0.0) is None


def test_circuits_that_open_at_the_same_time_are_announced_once(aws: Aws) -> None:
    first, second = announcing(aws), announcing(aws)
    for each in (first, second):
        fail(each)
    assert stored(aws).consecutive == 2 * CONSECUTIVE_FAILURES
    assert announced(aws, "opened", stored(aws).opened_at or 0.0)["failures"] == 10


def test_a_circuit_keeps_when_the_subscriber_last_accepted_an_event(
    aws: Aws, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [1_800_000_000.0]
    monkeypatch.setattr(times, "unix", lambda: now[0])
    permits = batch(aws)
    permits.ended("sub_1", delivered=True)
    assert permits.close() == {}
    now[0] += 20
    permits.ended("sub_1", delivered=False)
    assert permits.close()["sub_1"].failing_since == now[0]
    assert stored(aws).last_success == now[0] - 20
