"""Read models on mocked AWS, with their queue and projector."""

from concurrent.futures import Executor
from typing import Any

import pytest
from event_bus.model.read_model import ModelState, ReadModel
from event_bus.queues.projections import ProjectionQueue, projection_in
from event_bus.registry import read_models as registering
from event_bus.registry.read_models import ReadModelRegistry
from event_bus.states.model_reader import ReadModelReader
from event_bus.states.projector import Projector
from event_bus.stores.read_models import ReadModelStore

from tests.aws import Aws


@pytest.fixture
def built_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Builds read models as soon as they are registered."""
    monkeypatch.setattr(registering, "_LISTED_SECONDS", 0)


@pytest.fixture
def models(aws: Aws, executor: Executor, built_at_once: None) -> "Models":
    """Read models that are built at once."""
    return Models(aws, executor)


class Models:
    """Read models on mocked AWS, and what keeps them."""

    def __init__(self, aws: Aws, executor: Executor) -> None:
        self.aws = aws
        self.url = aws.queue()
        self.store = ReadModelStore(aws.table("states"), aws.table("changes"))
        queue = ProjectionQueue(aws.sqs, self.url)
        self.registry = ReadModelRegistry(self.store, aws.reducers, queue)
        self.projector = Projector(
            self.store, aws.reducers, aws.streams, aws.events, queue, executor
        )
        self.reader = ReadModelReader(self.store, aws.event_finder(executor), aws.streams)

    def build(self, *indexes: str) -> None:
        """Registers the read model of the tasks of `planner`, and builds it."""
        self.registry.register("planner", "task", list(indexes))
        self.work()

    def work(self) -> int:
        """Takes all messages, and those that follow from them; returns how many there were."""
        taken = 0
        while bodies := self.aws.take(self.url):
            for body in bodies:
                message = projection_in(body)
                assert message is not None
                self.projector.take(message)
                taken += 1
        return taken

    @property
    def model(self) -> ReadModel:
        found = self.store.get("planner", "task")
        assert found is not None
        return found

    def lag(self) -> float | None:
        """The age of the oldest event that is not folded yet, in seconds."""
        return self.reader.lag(self.model)

    def states(self, **wanted: str) -> dict[str, dict[str, Any]]:
        """The states that are served, by stream."""
        serving = self.model.serving
        assert serving is not None
        found: list[ModelState] = []
        behind = None
        while True:
            page, behind = self.store.states(self.model, serving, wanted, behind, 3)
            found += page
            if behind is None:
                return {each.stream_id: each.state for each in found}
