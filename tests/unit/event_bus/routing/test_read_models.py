"""The router knows which categories have read models, and no others cost anything."""

from concurrent.futures import Executor

import pytest
from event_bus.model.read_model import Generation, ReadModel
from event_bus.model.stream_name import StreamName
from event_bus.queues.lanes import Lanes
from event_bus.queues.projections import ProjectionQueue, projection_in
from event_bus.queues.sending import NotSent
from event_bus.routing.registry_view import RegistryView
from event_bus.routing.router import Router
from event_bus.stores.read_models import ReadModelStore

from tests.aws import Aws
from tests.builders import NOON, event

TASK = StreamName("planner", "task/1")
BUILDING = Generation(1, 0, [], NOON)


def test_a_view_learns_of_read_models_by_changes_and_when_it_starts(aws: Aws) -> None:
    store = ReadModelStore(aws.table("states"), aws.table("changes"))
    view = aws.view(RegistryView, models=store)
    view.refresh()
    assert not view.has_model(TASK)
    model = ReadModel("planner", "task", NOON, NOON, 1, building=BUILDING)
    store.announce(None, model)
    view.refresh()
    started_later = aws.view(RegistryView, models=store)
    started_later.refresh()
    for each in (view, started_later):
        assert each.has_model(TASK)
        assert not each.has_model(StreamName("planner", "tasks/1"))
        assert not each.has_model(StreamName("other", "task/1"))
    store.announce(model, ReadModel("planner", "task", NOON, NOON, 1))
    for each in (view, started_later, aws.view(RegistryView, models=store)):
        each.refresh()
        assert not each.has_model(TASK)
    # Functions that route nothing look for none.
    other = aws.view(RegistryView)
    other.refresh()
    assert not other.has_model(TASK)


def test_events_are_announced_to_their_read_models_before_they_count_as_routed(
    aws: Aws, executor: Executor, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = ReadModelStore(aws.table("states"), aws.table("changes"))
    store.announce(None, ReadModel("planner", "task", NOON, NOON, 1, building=BUILDING))
    queue = aws.queue()
    router = Router(
        view=aws.view(RegistryView, models=store),
        events=aws.events,
        routings=aws.routings,
        deliveries=aws.deliveries,
        dead_letters=aws.dead_letters,
        lanes=Lanes(aws.sqs, {}, executor),
        executor=executor,
        projections=ProjectionQueue(aws.sqs, queue),
    )
    in_streams = [("evt_1", "task/1"), ("evt_2", "task/1"), ("evt_3", "order/1")]
    events = [event(name, metadata={"stream_id": stream}) for name, stream in in_streams]
    assert router.route([*events, event("evt_4")]) == []
    # A message for each stream, and none for what no read model holds.
    assert list(map(projection_in, aws.take(queue))) == [{"stream": ["planner", "task/1"]}]

    def refused(*_: object) -> None:
        raise NotSent("1 messages")

    monkeypatch.setattr(ProjectionQueue, "changed", refused)
    again = event("evt_5", metadata={"stream_id": "task/1"})
    with pytest.raises(NotSent):
        router.route([again])
    # So it is routed again.
    assert aws.routings.get_many(["evt_1", "evt_5"], consistent=True).keys() == {"evt_1"}
