"""A service replays to itself, an admin and an event's publisher to everybody."""

import pytest
from event_bus import times
from event_bus.access.callers import Caller
from event_bus.errors import InvalidRequest, NotFound
from event_bus.queues.replays import ReplayQueue
from event_bus.recovery.replays import Replays
from event_bus.requests.replay import EventReplayRequest, ReplayRequest
from event_bus.requests.validation import read

from tests.aws import Aws
from tests.builders import AN_ADMIN, NOON, event, service, subscription


@pytest.fixture
def replays(aws: Aws) -> Replays:
    for each in ("worker", "llm"):
        aws.subscriptions.create(subscription(f"sub_{each}", each))
    return Replays(
        aws.replays,
        ReplayQueue(aws.sqs, aws.queue()),
        aws.subscriptions.get,
        lambda event_id, _: event(event_id),
    )


@pytest.mark.parametrize(
    ("caller", "audience"),
    [(AN_ADMIN, None), (service("planner"), None), (service("worker"), "worker")],
)
def test_an_event_is_replayed_to_the_caller_unless_it_may_address_all(
    replays: Replays, caller: Caller, audience: str | None
) -> None:
    made = replays.of_event("evt_1", read(EventReplayRequest, {}), caller)
    assert (made.audience, made.service_id) == (audience, caller.service_id)
    to_another = read(EventReplayRequest, {"subscription_id": "sub_llm"})
    if audience is None:
        assert replays.of_event("evt_1", to_another, caller).subscription_id == "sub_llm"
    else:
        with pytest.raises(NotFound):
            replays.of_event("evt_1", to_another, caller)


@pytest.mark.parametrize(("caller", "audience"), [(AN_ADMIN, None), (service("worker"), "worker")])
def test_a_period_is_replayed_to_the_caller_unless_it_is_an_admin(
    replays: Replays, caller: Caller, audience: str | None
) -> None:
    made = replays.of_period(read(ReplayRequest, {"from": NOON}), caller)
    assert made.audience == audience


@pytest.mark.parametrize("ahead", [2, 290, 10**8])
@pytest.mark.parametrize("caller", [AN_ADMIN, service("worker")])
def test_a_period_that_begins_in_the_future_is_refused(
    replays: Replays, caller: Caller, ahead: float
) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        replays.of_period(read(ReplayRequest, {"from": times.after(ahead)}), caller)
    [fault] = refusal.value.faults
    assert fault.pointer == "/from"
    assert fault.detail.startswith("must not be in the future; it is 20")
    assert replays.page(None, 9, caller) == []


def test_a_service_sees_its_own_replays(replays: Replays) -> None:
    made = replays.of_period(read(ReplayRequest, {"from": NOON}), service("worker"))
    for caller in (service("worker"), AN_ADMIN):
        assert replays.get(made.id, caller) == made
    for refused in (replays.get, replays.cancel):
        with pytest.raises(NotFound):
            refused(made.id, service("llm"))
    assert replays.page(None, 9, service("llm")) == []
