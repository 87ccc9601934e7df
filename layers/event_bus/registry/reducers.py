"""Registering reducers."""

from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial

from event_bus import times
from event_bus.access.callers import Caller
from event_bus.access.external_ids import new_external_id
from event_bus.conflicts import attempts
from event_bus.errors import Conflict, InvalidRequest, NotFound
from event_bus.model.category import read_category
from event_bus.model.reducer import (
    MAX_REDUCERS,
    MAX_VERSIONS,
    Reducer,
    ReducerVersion,
    unpredictable_call,
)
from event_bus.paging import chosen_page
from event_bus.registry.opt_ins import OptIns
from event_bus.requests.expressions import check_expression
from event_bus.stores.reducers import ReducerStore
from event_bus.stores.refusals import Outdated
from event_bus.targets.lambda_function import LambdaTarget


@dataclass(frozen=True, slots=True)
class _ReducerChange:
    """A change of a category's reducer, which makes a version.

    Attributes:
        source: The service whose streams it is for.
        category: The category of the streams.
        reducer: The reducer; None if it is removed.
        service_id: The service that makes the change.
    """

    source: str
    category: str
    reducer: Reducer | None
    service_id: str

    def version_after(self, latest: ReducerVersion | None) -> ReducerVersion:
        """Returns the version that follows the latest one."""
        number = latest.number + 1 if latest else 1
        return ReducerVersion(
            self.source, self.category, number, self.reducer, times.now(), self.service_id
        )


@dataclass(frozen=True, slots=True)
class ReducerRegistry:
    """Registers, shows and removes reducers.

    Attributes:
        store: The reducers.
        opt_ins: Refuses functions whose owners have not opted them in.
    """

    store: ReducerStore
    opt_ins: OptIns

    def register(
        self, source: str, category: str, reducer: Reducer, caller: Caller
    ) -> tuple[ReducerVersion, bool]:
        """Registers a version of a category's reducer, unless the latest one is the same.

        Args:
            source: The service whose streams it is for.
            category: The category of the streams.
            reducer: The reducer.
            caller: Who registers it.

        Returns:
            The version, and whether it is new.

        Raises:
            InvalidRequest: The category, the expression or the function is refused.
            Conflict: The service has as many reducers as it may have, the category has had as
                many versions, or others change this one.
        """
        read_category(category)
        if reducer.expression is not None:
            _check(reducer.expression)
        if reducer.function is not None:
            function = LambdaTarget(reducer.function, role_arn=reducer.role_arn)
            self.opt_ins.require(function, at="")
        if reducer.role_arn is not None:
            reducer = replace(reducer, external_id=new_external_id(source))
        change = _ReducerChange(source, category, reducer, caller.service_id)
        for _ in attempts():
            latest = self.store.latest(source, category)
            if latest and latest.reducer == reducer:
                return latest, False
            is_first = latest is None or latest.reducer is None
            addition = self._room(source) if is_first else None
            if latest and latest.number >= MAX_VERSIONS:
                detail = f"{category} has had {MAX_VERSIONS:,} versions of its reducer, the most"
                raise Conflict.at("category", detail)
            version = change.version_after(latest)
            with suppress(Outdated):
                self.store.add(version, addition)
                return version, True
        raise Conflict.overtaken(f"the reducer of {category}")

    def get(self, source: str, category: str) -> ReducerVersion:
        """Returns the latest version of a category's reducer.

        Raises:
            NotFound: It has none.
        """
        latest = self.store.latest(source, category)
        if latest is None or latest.reducer is None:
            raise _no_reducer(category)
        return latest

    def versions(
        self, source: str, category: str, before: int | None, limit: int
    ) -> list[ReducerVersion]:
        """Returns up to `limit` versions of a category's reducer, the latest first.

        Args:
            source: The service whose streams it is for.
            category: The category of the streams.
            before: The version that the page follows; None for the first page.
            limit: How many to return at most.

        Raises:
            NotFound: It never had one.
        """
        found = self.store.history(source, category, before, limit)
        if not found and before is None:
            raise _no_reducer(category)
        return found

    def page(self, source: str | None, after: str | None, limit: int) -> list[ReducerVersion]:
        """Returns up to `limit` reducers of a service, or of all.

        They follow the name `after`, in the order of their names.
        """
        return chosen_page(
            partial(self.store.page, source),
            lambda each: each.name,
            lambda each: each.reducer,
            after,
            limit,
        )

    def remove(self, source: str, category: str, caller: Caller) -> None:
        """Removes a category's reducer, so that the default holds; its versions can be read.

        Raises:
            NotFound: It has none.
            Conflict: Others change it.
        """
        change = _ReducerChange(source, category, None, caller.service_id)
        for _ in attempts():
            latest = self.get(source, category)
            with suppress(Outdated):
                self.store.add(change.version_after(latest))
                return
        raise Conflict.overtaken(f"the reducer of {category}")

    def _room(self, source: str) -> int:
        """Returns the last addition to a service that has room for another reducer."""
        addition = self.store.additions.last(source)
        if len(self.page(source, None, MAX_REDUCERS)) >= MAX_REDUCERS:
            detail = f"{source} has {MAX_REDUCERS} reducers, the most that a service may have"
            raise Conflict.at("category", detail)
        return addition


def _check(expression: str) -> None:
    check_expression(expression, "/expression")
    if found := unpredictable_call(expression):
        name, position = found
        raise InvalidRequest.at(
            "/expression",
            f"must give the same state each time: it may not use {name}, at character {position}",
        )


def _no_reducer(category: str) -> NotFound:
    return NotFound.of(f"reducer of {category}", "The states of its streams are merged.")
