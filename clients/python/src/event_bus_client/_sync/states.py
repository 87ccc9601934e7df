"""Reducers, which compute the states of streams, and read models, which keep them."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from event_bus_client._sync.lists import Listing
from event_bus_client._sync.transport import Transport
from event_bus_client.calls import Call, creating, path
from event_bus_client.states import ModelState, ReadModel, Reducer, registration


class Reducers:
    """The rules that compute the states of a category of streams.

    Pass `source` if another service than the key's own publishes the streams.

    Example:
        ```python
        bus.reducers.put("order", expression='{"count": $sum([state.count, 1])}')
        ```
    """

    def __init__(self, transport: Transport) -> None:
        """Uses a transport."""
        self._transport = transport

    def put(
        self,
        category: str,
        *,
        expression: str | None = None,
        function: str | None = None,
        role_arn: str | None = None,
        source: str | None = None,
    ) -> Reducer:
        """Registers a version of a reducer; nothing changes if the latest one is the same.

        Without an expression and a function, the bus merges payloads.

        Args:
            category: The part of the streams' ids before the first slash.
            expression: A JSONata expression of `state` and `event`.
            function: Instead, the ARN of a published version of a Lambda function.
            role_arn: The role with which the bus calls the function; None for its own.
            source: The service that publishes the streams.

        Returns:
            The latest version.

        Raises:
            ValueError: There is both an expression and a function, or a role without a function.
            InvalidRequest: The expression or the function is not valid.
        """
        call = Call(
            "PUT",
            path("/reducers/{}", category),
            query={"source": source},
            body=registration(expression, function, role_arn),
        )
        return self._transport.read(call, Reducer.model_validate)

    def get(self, category: str, *, source: str | None = None) -> Reducer:
        """Reads the latest version of a reducer.

        Raises:
            NotFound: The category has none.
        """
        call = Call("GET", path("/reducers/{}", category), query={"source": source})
        return self._transport.read(call, Reducer.model_validate)

    def list(self, *, source: str | None = None, limit: int | None = None) -> Listing[Reducer]:
        """Lists the reducers of a service.

        Args:
            source: The service.
            limit: How many a page holds.
        """
        query = {"source": source, "limit": limit}
        return Listing(self._transport, "/reducers", query, Reducer.model_validate)

    def versions(
        self, category: str, *, source: str | None = None, limit: int | None = None
    ) -> Listing[Reducer]:
        """Lists the versions of a reducer, the latest first.

        Args:
            category: The category.
            source: The service that publishes the streams.
            limit: How many a page holds.
        """
        query = {"source": source, "limit": limit}
        route = path("/reducers/{}/versions", category)
        return Listing(self._transport, route, query, Reducer.model_validate)

    def delete(self, category: str, *, source: str | None = None) -> None:
        """Removes a reducer, so that payloads are merged.

        Raises:
            NotFound: The category has none.
        """
        call = Call("DELETE", path("/reducers/{}", category), query={"source": source})
        self._transport.send(call)


class ReadModels:
    """Tables of the states of a category of streams.

    Pass `source` if another service than the key's own publishes the streams.

    Example:
        ```python
        bus.read_models.put("order", ["status"])
        for each in bus.read_models.states("order", {"status": "open"}):
            print(each.stream_id, each.state)
        ```
    """

    def __init__(self, transport: Transport) -> None:
        """Uses a transport."""
        self._transport = transport

    def put(
        self, category: str, indexes: Sequence[str] = (), *, source: str | None = None
    ) -> ReadModel:
        """Keeps the states of a category in a table; a change of the indexes rebuilds it.

        Args:
            category: The part of the streams' ids before the first slash.
            indexes: Members of the states to find them by, at most two.
            source: The service that publishes the streams.
        """
        call = Call(
            "PUT",
            path("/read-models/{}", category),
            query={"source": source},
            body={"indexes": [*indexes]},
        )
        return self._transport.read(call, ReadModel.model_validate)

    def get(self, category: str, *, source: str | None = None) -> ReadModel:
        """Reads a read model: whether it is built, and how far it is behind.

        Raises:
            NotFound: There is none.
        """
        call = Call("GET", path("/read-models/{}", category), query={"source": source})
        return self._transport.read(call, ReadModel.model_validate)

    def list(
        self,
        *,
        source: str | None = None,
        limit: int | None = None,
    ) -> Listing[ReadModel]:
        """Lists the read models of a service.

        Args:
            source: The service.
            limit: How many a page holds.
        """
        query = {"source": source, "limit": limit}
        return Listing(self._transport, "/read-models", query, ReadModel.model_validate)

    def rebuild(self, category: str, *, source: str | None = None) -> ReadModel:
        """Starts to rebuild a read model; requests read the old states until it is built.

        `building` is None once the new states are complete.

        Raises:
            NotFound: There is none.
            Conflict: Others change it at the same time.
        """
        call = creating(path("/read-models/{}/rebuild", category))
        return self._transport.read(
            replace(call, query={"source": source}), ReadModel.model_validate
        )

    def delete(self, category: str, *, source: str | None = None) -> None:
        """Removes a read model with its states; the streams stay.

        Raises:
            NotFound: There is none.
        """
        call = Call("DELETE", path("/read-models/{}", category), query={"source": source})
        self._transport.send(call)

    def states(
        self,
        category: str,
        where: Mapping[str, str | float | bool] | None = None,
        *,
        source: str | None = None,
        limit: int | None = None,
    ) -> Listing[ModelState]:
        """Lists the states of a read model.

        Args:
            category: The category.
            where: Values of indexed members, such as `{"status": "open"}`.
            source: The service that publishes the streams.
            limit: How many a page holds.
        """
        query: dict[str, Any] = {**(where or {}), "source": source, "limit": limit}
        return Listing(
            self._transport, path("/states/{}", category), query, ModelState.model_validate
        )
