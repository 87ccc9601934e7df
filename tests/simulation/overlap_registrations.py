"""Overlapping registrations: reducers, read models, schemas, rights, contexts and chosen ids.

Each belongs to a service of its own, so that the other operations do not depend on them. Limits are
small, so that requests compete for the last place.
"""

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from event_bus.registry import contexts, keys, read_models, reducers, schemas

from tests.simulation.clients import ADMIN
from tests.simulation.known import Violation
from tests.simulation.overlapping_world import OverlappingWorld

REGISTRATION_KINDS = (
    *("add_reducer", "drop_reducer", "add_model", "drop_model", "add_entry", "drop_entry"),
    *("add_version", "drop_version", "set_schema", "set_right", "drop_right"),
    *("put_chosen", "put_chosen", "drop_chosen"),
)
"""The kinds of operations that register something under a name."""

REGISTRATION_CONTESTS = (
    ("add_reducer", "add_reducer_after", "add_reducer_after", "drop_reducer"),
    ("add_reducer", "add_reducer", "drop_reducer"),
    ("add_model", "add_model_after", "add_model_after", "drop_model"),
    ("add_model", "add_model", "drop_model"),
    ("add_entry", "add_entry_after", "add_entry_after", "drop_entry"),
    ("add_entry", "drop_entry", "drop_entry"),
    ("add_version", "add_version_after", "add_version_after"),
    ("add_version", "add_version", "set_schema"),
    ("add_version", "drop_version", "drop_version", "set_schema"),
    ("set_right", "set_right", "set_right"),
    ("set_right", "drop_right", "drop_right"),
    ("put_chosen", "put_chosen", "put_chosen"),
    ("put_chosen", "drop_chosen", "drop_chosen"),
    ("make_key", "make_key", "make_key", "rotate_key"),
)
"""Operations that compete for the same name, or for the last place of a service."""

SERVICE = "archivist"
"""The service that most of these operations are about."""

MOST_REDUCERS, MOST_MODELS, MOST_ENTRIES = 2, 2, 3
MOST_TYPES, MOST_VERSIONS, MOST_KEYS = 2, 4, 4

_OF_SERVICE = {"source": SERVICE}
_SCHEMAS: tuple[dict[str, Any], ...] = (
    {"type": "object"},
    {"type": "object", "description": "another"},
    {"type": "object", "properties": {"n": {}}},
)
_REFUSED = (404, 409)


def with_small_limits(patch: pytest.MonkeyPatch) -> None:
    """Makes the limits so small that courses reach them."""
    patch.setattr(reducers, "MAX_REDUCERS", MOST_REDUCERS)
    patch.setattr(read_models, "MAX_READ_MODELS", MOST_MODELS)
    patch.setattr(contexts, "MAX_ENTRIES", MOST_ENTRIES)
    patch.setattr(schemas, "MAX_TYPES", MOST_TYPES)
    patch.setattr(schemas, "MAX_VERSIONS", MOST_VERSIONS)
    patch.setattr(keys, "MAX_KEYS", MOST_KEYS)


class RegistrationOperations:
    """Operations that register something under a name, or remove it.

    Attributes:
        created: How often a request was answered that it created what a name stands for.
        removed: How often one was answered that it removed it.
    """

    world: OverlappingWorld
    created: Counter[str]
    removed: Counter[str]
    _texts: int = 0

    def _add_reducer(self, choice: int) -> Callable[[], object]:
        return self._with_category("PUT", "reducers", choice, {"type": "merge"})

    def _add_reducer_after(self, choice: int) -> Callable[[], object]:
        return self._add_reducer(self._another(choice))

    def _drop_reducer(self, choice: int) -> Callable[[], object]:
        return self._with_category("DELETE", "reducers", choice)

    def _add_model(self, choice: int) -> Callable[[], object]:
        return self._with_category("PUT", "read-models", choice, {"indexes": []})

    def _add_model_after(self, choice: int) -> Callable[[], object]:
        return self._add_model(self._another(choice))

    def _drop_model(self, choice: int) -> Callable[[], object]:
        return self._with_category("DELETE", "read-models", choice)

    def _add_entry(self, choice: int) -> Callable[[], object]:
        return self._with_entry("PUT", choice, {"value": self._text()})

    def _add_entry_after(self, choice: int) -> Callable[[], object]:
        return self._add_entry(self._another(choice))

    def _drop_entry(self, choice: int) -> Callable[[], object]:
        return self._with_entry("DELETE", choice)

    def _add_version(self, choice: int) -> Callable[[], object]:
        event_type, body = f"note.t{choice}", {"schema": _SCHEMAS[self._another(choice) % 3]}
        path = {"type": event_type}

        def register() -> None:
            route = "POST /schemas/{type}/versions"
            status, answer = self._status_of(route, path, body, 200, 201, 409)
            if status == 201:
                self.created[f"schema {event_type} {answer['version']}"] += 1

        return register

    def _add_version_after(self, choice: int) -> Callable[[], object]:
        return self._add_version(self._another(choice))

    def _drop_version(self, choice: int) -> Callable[[], object]:
        path = {"type": f"note.t{choice}", "version": str(1 + self._texts % MOST_VERSIONS)}
        name = f"schema {path['type']} {path['version']}"
        return lambda: self._named("DELETE /schemas/{type}/versions/{version}", path, name)

    def _set_schema(self, choice: int) -> Callable[[], object]:
        path, body = {"type": f"note.t{choice}"}, {"description": self._text()}
        return lambda: self._status_of("PATCH /schemas/{type}", path, body, 200, *_REFUSED)

    def _set_right(self, choice: int) -> Callable[[], object]:
        service, body = f"reader-{choice % 2}", {"event_types": [f"note.{self._text()}"]}
        return lambda: self._named(
            "PUT /subscribers/{id}", {"id": service}, f"right {service}", body
        )

    def _drop_right(self, choice: int) -> Callable[[], object]:
        service = f"reader-{choice % 2}"
        return lambda: self._named("DELETE /subscribers/{id}", {"id": service}, f"right {service}")

    def _put_chosen(self, choice: int) -> Callable[[], object]:
        path = {"id": f"{SERVICE}.chosen-{choice}"}
        body = {
            "event_types": ["note.*"],
            "callback_url": "https://archivist.example/",
            "name": self._text(),
        }
        headers = {"content-type": "application/json"}
        if self._texts % 3 == 0:
            headers["if-none-match"] = "*"

        def put() -> None:
            name, before = f"subscription {path['id']}", self.removed.copy()
            route = "PUT /subscriptions/{id}"
            status, answer = self._status_of(
                route, path, body, 200, 201, 404, 409, 412, headers=headers
            )
            self.created[name] += status == 201
            if status < 300 and before[name]:
                raise Violation(f"{name} was removed, and is answered {answer}")

        return put

    def _drop_chosen(self, choice: int) -> Callable[[], object]:
        path = {"id": f"{SERVICE}.chosen-{choice}"}
        name = f"subscription {path['id']}"
        return lambda: self._named("DELETE /subscriptions/{id}", path, name)

    def _with_category(
        self, method: str, what: str, choice: int, body: Any = None
    ) -> Callable[[], object]:
        path = {"category": f"note{choice}"}
        route, name = f"{method} /{what}/{{category}}", f"{what} {path['category']}"
        return lambda: self._named(route, path, name, body, query=_OF_SERVICE)

    def _with_entry(self, method: str, choice: int, body: Any = None) -> Callable[[], object]:
        path = {"name": f"c{choice % 2}", "key": str(choice)}
        route, name = f"{method} /contexts/{{name}}/{{key}}", f"entry {path['name']} {path['key']}"
        query = {"service_id": SERVICE}
        return lambda: self._named(route, path, name, body, query=query)

    def _named(
        self, route: str, path: dict[str, str], name: str, body: Any = None, **more: Any
    ) -> None:
        """Makes a request about what a name stands for, and notes whether it came or went."""
        status, _ = self._status_of(route, path, body, 200, 201, 204, *_REFUSED, **more)
        self.created[name] += status == 201
        self.removed[name] += status == 204

    def _status_of(
        self, route: str, path: dict[str, str], body: Any, *expected: int, **more: Any
    ) -> tuple[int, Any]:
        status, answer = self.world.insist("registry", route, ADMIN, body, parameters=path, **more)
        if status not in expected:
            raise Violation(f"{route} of {path} was answered {status}: {answer}")
        return status, answer

    def _another(self, choice: int) -> int:
        self._texts += 1
        return (choice + self._texts) % 4

    def _text(self) -> str:
        self._texts += 1
        return f"n{self._texts}"
