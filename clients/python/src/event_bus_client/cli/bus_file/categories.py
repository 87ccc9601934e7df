"""The reducers and read models of stream categories in a file."""

from abc import abstractmethod
from collections.abc import Collection, Iterable
from typing import Any

from event_bus_client import path
from event_bus_client.cli.bus_file.kind import Kind, Members
from event_bus_client.errors import NotFound


class OfCategories(Kind):
    """Resources of categories, each under its service, a slash and its category."""

    def stored(self, ids: Collection[str] | None) -> dict[str, Members]:
        """Reads the resources of all categories, or of some."""
        if ids is None:
            found: Iterable[Members] = self.bus.listing(f"/{self.route}", limit=100)
        else:
            found = [each for each in map(self._read, ids) if each is not None]
        shown = {f"{each['source']}/{each['category']}": self.shown(each) for each in found}
        return {name: members for name, members in shown.items() if members is not None}

    @property
    def route(self) -> str:
        """The first part of the paths of these resources."""
        return self.name.replace("_", "-")

    @abstractmethod
    def shown(self, answer: Members) -> Members | None:
        """Returns the normal form of an answer of the bus; None if it shows a removed resource."""

    def create(self, resource_id: str, members: Members) -> Members:
        """Registers a resource."""
        self._call("PUT", resource_id, members)
        return {}

    def change(self, resource_id: str, members: Members, _changed: Collection[str]) -> None:
        """Registers it as the file says."""
        self._call("PUT", resource_id, members)

    def remove(self, resource_id: str) -> None:
        """Removes it."""
        self._call("DELETE", resource_id)

    def _read(self, resource_id: str) -> Members | None:
        try:
            found: Members = self._call("GET", resource_id)
        except NotFound:
            return None
        return found

    def _call(self, method: str, resource_id: str, body: Members | None = None) -> Any:
        source, _, category = resource_id.partition("/")
        route = path(f"/{self.route}/{{}}", category)
        return self.bus.call(method, route, query={"source": source}, body=body)


class ReducerKind(OfCategories):
    """Reducers, by service and category."""

    name = "reducers"
    definition = "FileReducer"

    _OPTIONAL = ("expression", "function", "role_arn")

    def normal(self, _resource_id: str, members: Members) -> Members:
        """Adds the members that a reducer lacks, with the value None."""
        return {**dict.fromkeys(self._OPTIONAL), **members}

    def shown(self, answer: Members) -> Members | None:
        """Returns a reducer without its version; a version without a type has removed it."""
        if answer["type"] is None:
            return None
        return {"type": answer["type"], **{name: answer.get(name) for name in self._OPTIONAL}}


class ReadModelKind(OfCategories):
    """The categories whose states the bus keeps in a table, by service and category."""

    name = "read_models"
    definition = "FileReadModel"

    def normal(self, _resource_id: str, members: Members) -> Members:
        """Names each index once, as the bus does."""
        return {"indexes": list(dict.fromkeys(members.get("indexes", [])))}

    def shown(self, answer: Members) -> Members | None:
        """Returns the indexes that a read model has, or will have once it is rebuilt."""
        return {"indexes": (answer["building"] or answer["serving"])["indexes"]}
