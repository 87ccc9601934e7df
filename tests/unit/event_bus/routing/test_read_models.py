"""The router knows which categories have read models, and no others cost anything."""

from event_bus.model.read_model import Generation, ReadModel
from event_bus.model.stream_name import StreamName
from event_bus.routing.registry_view import RegistryView
from event_bus.stores.read_models import ReadModelStore

from tests.aws import Aws
from tests.builders import NOON

TASK = StreamName("planner", "task/1")
BUILDING = Generation(1, 0, [], NOON)


def test_a_view_learns_of_read_models_by_changes_and_when_it_starts(aws: Aws) -> None:
    store = ReadModelStore(aws.dynamodb, aws.tables["states"], aws.tables["changes"])
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
