"""Reads the states of read models, for callers that may receive the folded events."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from event_bus import times
from event_bus.access.callers import Caller
from event_bus.errors import MalformedRequest, NotFound, Problem, Unavailable
from event_bus.model.read_model import Generation, ModelState, ReadModel
from event_bus.model.stream_name import StreamName
from event_bus.paging import MAX_LIMIT, Portion, first_page
from event_bus.querying.event_finder import EventFinder
from event_bus.stores.listings import EventSelector, with_any
from event_bus.stores.read_models import ReadModelStore
from event_bus.stores.streams import StreamStore

_LOOKED_AT = 20
"""How many of a service's latest events show how far behind a read model is."""

_READS = 10
"""How often a request reads states to fill a page for a service that may not see all of them."""


@dataclass(frozen=True, slots=True)
class ReadModelReader:
    """Lists the states of read models.

    Attributes:
        models: The read models.
        finder: Finds events, and reads rights to them.
        streams: The event streams.
    """

    models: ReadModelStore
    finder: EventFinder
    streams: StreamStore

    def page(
        self,
        source: str,
        category: str,
        wanted: Mapping[str, str],
        behind: str | None,
        limit: int,
        caller: Caller,
    ) -> tuple[list[ModelState], str | None]:
        """Returns a page of states, in the order of their stream ids.

        Args:
            source: The service that publishes the streams.
            category: The category of the streams.
            wanted: The required values of indexed members.
            behind: The stream after which the page begins.
            limit: The most states of a page.
            caller: Who reads. A service sees a state if it may receive every type of event that it
                was folded from.

        Returns:
            The states, and the stream after which the next page begins; None at the end.

        Raises:
            NotFound: The caller owns the streams, and they have no read model.
            Unavailable: The caller's read model is being built for the first time.
            MalformedRequest: The caller's read model has no index of a member.
        """
        owns = caller.admin or caller.service_id == source
        try:
            model, serving = self._serving(source, category, wanted)
        except Problem:
            # Other services must not learn which read models exist, and what they index.
            if owns:
                raise
            return [], None

        def portions() -> Iterator[Portion[ModelState]]:
            # The cursor names the last stream of the page, which the caller may see. Only if
            # `_READS` do not fill the page, it names the last stream that was read.
            after = behind
            for _ in range(_READS):
                size = limit + 1 if owns else MAX_LIMIT
                states, after = self.models.states(model, serving, wanted, after, size)
                visible = states if owns else self._visible(states, source, caller)
                yield Portion([(each.stream_id, each) for each in visible], len(visible), after)

        return first_page(portions(), limit, _READS * MAX_LIMIT)

    def _serving(
        self, source: str, category: str, wanted: Mapping[str, str]
    ) -> tuple[ReadModel, Generation]:
        """Returns a read model, and its generation that has the wanted indexes."""
        model = self.models.get(source, category)
        if model is None or model.serving is None:
            if model and model.building:
                said = f"The read model of {category} is being built for the first time."
                raise Unavailable(said, retry_after_seconds=5)
            raise no_read_model(category)
        if unknown := [name for name in wanted if name not in model.serving.indexes]:
            known = ", ".join(model.serving.indexes) or "none"
            raise MalformedRequest.at(unknown[0], f"is not known; indexed members are: {known}")
        return model, model.serving

    def get(self, source: str, category: str) -> ReadModel:
        """Returns the read model of a category.

        Raises:
            NotFound: There is none.
        """
        return live_model(self.models, source, category)

    def lag(self, model: ReadModel) -> float | None:
        """Returns the age of the oldest event that is not folded yet, in seconds.

        It looks only at the latest events of the service.

        Returns:
            The age; 0 if all are folded, and None until the first generation is built.
        """
        if model.serving is None:
            return None
        listing = with_any(EventSelector(source=model.source))
        listed = self.finder.events.listed(listing, self.finder.executor)
        page = listed.page(("0", times.after(3600)), _LOOKED_AT)
        found, _ = self.finder.events.readable([each.id for each in page.entries[:_LOOKED_AT]])
        waiting = []
        for event in found.values():
            stream, version = event.stream, event.metadata.get("stream_version", 0)
            if stream and stream.category == model.category and self._waits(model, stream, version):
                waiting.append(event.created_at)
        if not waiting:
            return 0.0
        return max(0.0, times.unix() - times.seconds(min(waiting)))

    def _waits(self, model: ReadModel, stream: StreamName, version: int) -> bool:
        assert model.serving is not None  # noqa: S101
        state = self.models.state(model, model.serving.number, stream.stream_id)
        if state is None:
            # A stream has no state before its first visible event.
            return version >= self.streams.marks(stream).first_visible
        return state.version < version and (state.failed is None or state.retry_at is not None)

    def _visible(self, states: list[ModelState], source: str, caller: Caller) -> list[ModelState]:
        rights = self.finder.rights.of(caller.service_id, [source])
        return [
            each
            for each in states
            if all(rights.permits(caller.service_id, name, source) for name in each.types)
        ]


def live_model(store: ReadModelStore, source: str, category: str) -> ReadModel:
    """Returns the read model of a category.

    Raises:
        NotFound: There is none, or it was removed.
    """
    found = store.get(source, category)
    if found is None or not found.live:
        raise no_read_model(category)
    return found


def no_read_model(category: str) -> NotFound:
    """Makes the refusal for a read model that does not exist or that the key may not see."""
    return NotFound.of(f"read model of {category}")
