"""The interface of a kind of resource of the file."""

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterator, Mapping
from typing import Any, ClassVar

from event_bus_client import EventBus, path
from event_bus_client.cli.bus_file.schema import Schema
from event_bus_client.errors import NotFound

Members = dict[str, Any]


class Kind(ABC):
    """A kind of resource.

    Its normal form has every member that can be compared, with the defaults of those that a file
    omits. Two resources are the same if their normal forms are.

    Attributes:
        name: The member of the file that has these resources.
        definition: The name of its schema among the definitions of the file's schema.
    """

    name: ClassVar[str]
    definition: ClassVar[str]

    def __init__(self, bus: EventBus, schema: Schema) -> None:
        """Sends nothing yet.

        Args:
            bus: The bus.
            schema: The schema of the file.
        """
        self.bus = bus
        self._definitions: Mapping[str, Schema] = schema["$defs"]

    @abstractmethod
    def stored(self, ids: Collection[str] | None) -> dict[str, Members]:
        """Returns the resources on the bus, in normal form.

        Args:
            ids: Those to look for; None looks for all that the key may see.
        """

    @abstractmethod
    def create(self, resource_id: str, members: Members) -> Members:
        """Makes a resource.

        Returns:
            The answer, in which secrets are shown once.
        """

    @abstractmethod
    def change(self, resource_id: str, members: Members, changed: Collection[str]) -> None:
        """Changes a resource to what a file says.

        Args:
            resource_id: Which one.
            members: Its members in the file.
            changed: The names of the members that differ.
        """

    @abstractmethod
    def remove(self, resource_id: str) -> None:
        """Removes a resource."""

    def normal(self, _resource_id: str, members: Members) -> Members:
        """Returns the normal form of a resource in a file."""
        return {**self.defaults(), **members}

    def compared(self, before: Members, after: Members) -> tuple[Members, Members]:
        """Returns two normal forms without differences that mean nothing.

        Args:
            before: The resource on the bus.
            after: The resource in a file.
        """
        return before, after

    def written(self, resource_id: str, normal: Members) -> Members:
        """Returns the members of a normal form that a file needs: those that are not defaults."""
        defaults = self.normal(resource_id, {})
        return {
            name: value
            for name, value in normal.items()
            if name not in defaults or value != defaults[name]
        }

    def defaults(self, definition: str | None = None) -> Members:
        """Returns the defaults of the members of a schema."""
        properties = self._definitions[definition or self.definition]["properties"]
        return {
            name: _default(each)
            for name, each in properties.items()
            if name not in self._definitions[definition or self.definition].get("required", ())
        }

    def _one(self, route: str) -> Members | None:
        try:
            found: Members = self.bus.call("GET", route)
        except NotFound:
            return None
        return found

    def _found(self, collection: str, ids: Collection[str] | None) -> Iterator[Members]:
        """Yields the resources of a collection, or those with some ids that exist."""
        if ids is None:
            yield from self.bus.listing(f"/{collection}", limit=100)
            return
        for each in ids:
            found = self._one(path(f"/{collection}/{{}}", each))
            if found is not None:
                yield found


def _default(schema: Schema) -> Any:
    if "default" in schema:
        return schema["default"]
    return {"object": {}, "array": []}.get(str(schema.get("type")))
