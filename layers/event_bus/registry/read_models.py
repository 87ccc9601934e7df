"""Registering read models."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import partial

from event_bus import times
from event_bus.conflicts import attempts
from event_bus.errors import Conflict
from event_bus.model.category import read_category
from event_bus.model.read_model import MAX_READ_MODELS, Generation, ReadModel
from event_bus.paging import chosen_page
from event_bus.queues.projections import ProjectionQueue
from event_bus.states.model_reader import live_model
from event_bus.stores.read_models import ReadModelStore
from event_bus.stores.reducers import ReducerStore
from event_bus.stores.refusals import Outdated

_LISTED_SECONDS = 5
"""The longest delay of the list of events, in seconds."""


@dataclass(frozen=True, slots=True)
class ReadModelRegistry:
    """Registers, rebuilds, shows and removes read models.

    Attributes:
        store: The read models.
        reducers: The reducers.
        queue: Sends the messages that build read models.
    """

    store: ReadModelStore
    reducers: ReducerStore
    queue: ProjectionQueue

    def register(self, source: str, category: str, indexes: list[str]) -> tuple[ReadModel, bool]:
        """Registers the read model of a category, or rebuilds it if the indexes change.

        Returns:
            The read model, and whether it is new.

        Raises:
            InvalidRequest: A read model cannot have such a category.
            Conflict: The service has as many as it may have, or others change this one.
        """
        read_category(category)
        for _ in attempts():
            before = self.store.get(source, category)
            if before and before.live and before.live[-1].indexes == indexes:
                if before.building:
                    # The message that begins the build may never have been sent, so it is sent
                    # again.
                    self.queue.continue_generation(source, category, before.building.number)
                return before, False
            is_new = before is None or not before.live
            addition = self._room(source) if is_new else None
            with suppress(Outdated):
                return self._begin(source, category, before, indexes, addition), is_new
        raise Conflict.overtaken(f"the read model of {category}")

    def rebuild(self, source: str, category: str) -> ReadModel:
        """Rebuilds a read model with the current reducer; the old states stay readable.

        Raises:
            NotFound: There is none.
            Conflict: Others change it.
        """
        for _ in attempts():
            before = self.get(source, category)
            with suppress(Outdated):
                return self._begin(source, category, before, before.live[-1].indexes)
        raise Conflict.overtaken(f"the read model of {category}")

    def get(self, source: str, category: str) -> ReadModel:
        """Returns the read model of a category.

        Raises:
            NotFound: There is none.
        """
        return live_model(self.store, source, category)

    def page(self, source: str | None, after: str | None, limit: int) -> list[ReadModel]:
        """Returns up to `limit` read models of a service, or of all.

        They follow the name `after`, in the order of their names.
        """
        return chosen_page(
            partial(self.store.page, source),
            lambda each: each.name,
            lambda each: each.live,
            after,
            limit,
        )

    def remove(self, source: str, category: str) -> None:
        """Removes a read model, and its states soon after.

        Raises:
            NotFound: There is none.
            Conflict: Others change it.
        """
        for _ in attempts():
            before = self.get(source, category)
            after = replace(before, serving=None, building=None, updated_at=times.now())
            with suppress(Outdated):
                with self._ending(before, before.live):
                    self.store.announce(before, after)
                return
        raise Conflict.overtaken(f"the read model of {category}")

    def _begin(
        self,
        source: str,
        category: str,
        before: ReadModel | None,
        indexes: list[str],
        addition: int | None = None,
    ) -> ReadModel:
        """Begins the next generation, in place of one that is being built.

        Raises:
            Outdated: The read model has changed since it was read, or the service has got another
                one since it was found to have room.
        """
        now = times.now()
        reducer = self.reducers.latest(source, category)
        model = before or ReadModel(source, category, now, now)
        number = model.generations + 1
        building = Generation(number, reducer.number if reducer else 0, indexes, now)
        after = replace(model, generations=number, building=building, updated_at=now)
        if model.live:
            with self._ending(model, [model.building] if model.building else []):
                self.store.put(model, after)
        else:
            self.store.announce(before, after, addition)
        self.queue.continue_generation(source, category, number, _LISTED_SECONDS)
        return after

    @contextmanager
    def _ending(self, model: ReadModel, ended: Sequence[Generation]) -> Iterator[None]:
        """Has the states of generations removed after the write in its body, and once more later.

        Until the second removal, functions that read the former model may still write states.
        """
        for each in ended:
            self.queue.drop_later(model.source, model.category, each.number)
        yield
        for each in ended:
            self.queue.continue_generation(model.source, model.category, each.number)

    def _room(self, source: str) -> int:
        """Returns the last addition to a service that has room for another read model."""
        addition = self.store.additions.last(source)
        if len(self.page(source, None, MAX_READ_MODELS)) >= MAX_READ_MODELS:
            detail = f"{source} has {MAX_READ_MODELS} read models, the most that a service may have"
            raise Conflict.at("category", detail)
        return addition
