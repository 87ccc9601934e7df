"""Registering versions of schemas."""

import hashlib
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import orjson

from event_bus import json_numbers, times
from event_bus.access.callers import Caller
from event_bus.access.type_owners import check_owner
from event_bus.access.type_visibility import TypeVisibility
from event_bus.conflicts import attempts
from event_bus.errors import Conflict, InvalidRequest, NotFound
from event_bus.expressions.evaluator import ExpressionFailed, evaluate
from event_bus.matching.errors import InvalidEventTypeError
from event_bus.matching.event_types import validate_event_type
from event_bus.model.bus_events import about_schema
from event_bus.model.publisher import Publisher
from event_bus.model.schemas import (
    MAX_EXAMPLE_BYTES,
    MAX_TYPES,
    MAX_VERSIONS,
    SchemaVersion,
    TypeSchemas,
    VersionEntry,
)
from event_bus.paging import chosen_page
from event_bus.requests.expressions import check_expression
from event_bus.requests.schemas import SchemaRegistration, SchemaSettingsChange
from event_bus.requests.validation import invalid, members_of
from event_bus.schemas.checks import check_schema
from event_bus.schemas.compatibility import incompatibilities, versions_compared
from event_bus.schemas.validator import PayloadValidator, compiled
from event_bus.stores.refusals import Outdated
from event_bus.stores.schemas import SchemaIndex, SchemaStore


@dataclass(frozen=True, slots=True)
class RegisteredVersion:
    """A version that is registered.

    Attributes:
        schemas: The schemas of its type.
        version: The version.
        is_new: Whether this request registered it.
    """

    schemas: TypeSchemas
    version: SchemaVersion
    is_new: bool


@dataclass(frozen=True, slots=True)
class SchemaRegistry:
    """Registers, shows and deletes versions of schemas.

    Attributes:
        store: The schemas.
        publisher: Finds the publisher that a service is.
        visibility: Says which types a caller may see.
    """

    store: SchemaStore
    publisher: Callable[[str], Publisher | None]
    visibility: Callable[[Caller], TypeVisibility]

    def register(
        self, event_type: str, registration: SchemaRegistration, caller: Caller
    ) -> RegisteredVersion:
        """Registers a version, unless the latest one is the same.

        Raises:
            InvalidRequest: The schema is refused, or not compatible as the type demands; or the
                example or the expression does not fit it.
            Forbidden: The caller may not define the type.
            Conflict: The type has as many versions as it may have, or is being changed by others.
        """
        _check_type(event_type)
        self._check_owner(event_type, caller)
        schema = check_schema(registration.definition, "/schema")
        validator = compiled(schema)
        _check_example(registration.example, validator)
        digest = _digest(registration)
        for _ in attempts():
            index, before = self.store.index(), self.store.get(event_type)
            if before and before.live and before.live[-1].digest == digest:
                version = self._version(event_type, before.live[-1].number)
                return RegisteredVersion(before, version, is_new=False)
            self._check_room(before, index, event_type)
            now = times.now()
            schemas = before or TypeSchemas(event_type, caller.service_id, now, now)
            self._check_compatible(schema, schemas)
            number = len(schemas.versions) + 1
            self._check_upcast(registration.upcast, schemas, validator)
            entry = VersionEntry(number, digest, now, caller.service_id)
            after = replace(schemas, versions=[*schemas.versions, entry], updated_at=now)
            version = SchemaVersion(
                event_type, number, schema, registration.example, registration.upcast
            )
            with suppress(Outdated):
                event = about_schema(event_type, number, after.owner, caller.service_id)
                self.store.put(before, after, index, version, event)
                return RegisteredVersion(after, version, is_new=True)
        raise Conflict.overtaken(f"the schemas of {event_type}")

    def get(self, event_type: str, caller: Caller) -> TypeSchemas:
        """Returns the schemas of a type.

        Raises:
            NotFound: It has none, or none that the caller may see.
        """
        _refuse_other_than_types(event_type)
        schemas = self.store.get(event_type)
        if schemas is None or not self.visibility(caller).sees(event_type):
            raise _no_schemas(event_type)
        return schemas

    def version(
        self, event_type: str, number: str, caller: Caller
    ) -> tuple[VersionEntry, SchemaVersion]:
        """Returns one version of a type.

        Args:
            event_type: The type.
            number: The version's number, or `latest`.
            caller: Who asks.

        Raises:
            NotFound: There is none, it was deleted, or the caller may not see it.
        """
        schemas = self.get(event_type, caller)
        wanted = schemas.latest if number == "latest" else _number(number)
        entry = schemas.entry(wanted) if wanted else None
        if entry is None:
            raise NotFound(f"{event_type} has no version {number}.")
        return entry, self._version(event_type, entry.number)

    def page(self, after: str | None, limit: int, caller: Caller) -> list[TypeSchemas]:
        """Returns the schemas of up to `limit` types that the caller may see.

        They follow the type `after`, in the order of the types.
        """
        visibility = self.visibility(caller)
        return chosen_page(
            self.store.page,
            lambda each: each.type,
            lambda each: visibility.sees(each.type),
            after,
            limit,
        )

    def change(self, event_type: str, change: SchemaSettingsChange, caller: Caller) -> TypeSchemas:
        """Changes the members that a change names.

        Raises:
            InvalidRequest: A member is null that must not be.
            NotFound: The type has no schemas.
            Forbidden: The caller may not define the type.
            Conflict: The type is being changed by others.
        """
        members = members_of(change, change.nullable)
        return self._changed(
            event_type, caller, lambda before: replace(before, **members, updated_at=times.now())
        )

    def delete(self, event_type: str, number: str, caller: Caller) -> None:
        """Deletes a version; events that were checked by it stay readable, and keep its number.

        Raises:
            NotFound: There is none.
            Forbidden: The caller may not define the type.
            Conflict: The type is being changed by others.
        """
        wanted = _number(number)

        def without(before: TypeSchemas) -> TypeSchemas:
            if wanted is None or before.entry(wanted) is None:
                raise NotFound(f"{event_type} has no version {number}.")
            return before.without(wanted, times.now())

        self._changed(event_type, caller, without)

    def _changed(
        self, event_type: str, caller: Caller, make: Callable[[TypeSchemas], TypeSchemas]
    ) -> TypeSchemas:
        _refuse_other_than_types(event_type)
        self._check_owner(event_type, caller)
        for _ in attempts():
            index, before = self.store.index(), self.store.get(event_type)
            if before is None:
                raise _no_schemas(event_type)
            after = make(before)
            with suppress(Outdated):
                self.store.put(before, after, index)
                return after
        raise Conflict.overtaken(f"the schemas of {event_type}")

    def _check_owner(self, event_type: str, caller: Caller) -> None:
        check_owner(caller, self.publisher(caller.service_id), event_type)

    def _version(self, event_type: str, number: int) -> SchemaVersion:
        version = self.store.version(event_type, number)
        if version is None:
            raise NotFound(f"{event_type} has no version {number}.")
        return version

    @staticmethod
    def _check_room(before: TypeSchemas | None, index: SchemaIndex, event_type: str) -> None:
        if before and len(before.versions) >= MAX_VERSIONS:
            detail = f"{event_type} has {MAX_VERSIONS} versions, the most that a type may have"
            raise Conflict.at("type", detail)
        if event_type not in (types := index.types()) and len(types) >= MAX_TYPES:
            raise Conflict.at("type", f"{MAX_TYPES} types have schemas, the most that may have any")

    def _check_compatible(self, schema: Any, schemas: TypeSchemas) -> None:
        # Only the versions that count are read.
        compared = versions_compared(schemas.live, schemas.compatibility)
        if not compared:
            return
        known = self.store.versions((schemas.type, each.number) for each in compared)
        earlier = [(number, each.schema) for (_, number), each in sorted(known.items())]
        faults = incompatibilities(schema, earlier, schemas.compatibility, "/schema")
        if faults:
            raise invalid(faults)

    def _check_upcast(
        self, upcast: str | None, schemas: TypeSchemas, validator: PayloadValidator
    ) -> None:
        if upcast is None:
            return
        if not schemas.versions:
            raise InvalidRequest.at("/upcast", "must be left out: there is no version before")
        check_expression(upcast, "/upcast")
        before = self.store.version(schemas.type, schemas.versions[-1].number)
        if before is None or before.example is None:
            return
        try:
            made = json_numbers.loads(evaluate(upcast, before.example, {}))
        except ExpressionFailed as failure:
            detail = f"fails for the example of version {before.number}: {failure.detail}"
            raise InvalidRequest.at("/upcast", detail) from None
        for fault in validator.faults(made, MAX_EXAMPLE_BYTES, ""):
            detail = (
                f"turns the example of version {before.number} into a payload that the schema "
                f"refuses: {fault.pointer or 'the payload'} {fault.detail}"
            )
            raise InvalidRequest.at("/upcast", detail)


def _check_example(example: dict[str, Any] | None, validator: PayloadValidator) -> None:
    if example is None:
        return
    size = len(json_numbers.dumps(example))
    if size > MAX_EXAMPLE_BYTES:
        raise InvalidRequest.at("/example", f"must have at most {MAX_EXAMPLE_BYTES} bytes as JSON")
    if faults := validator.faults(example, size, "/example"):
        raise invalid(faults)


def _digest(registration: SchemaRegistration) -> str:
    content = [registration.definition, registration.example, registration.upcast]
    return hashlib.sha256(json_numbers.dumps(content, orjson.OPT_SORT_KEYS)).hexdigest()


def _check_type(event_type: str) -> None:
    try:
        validate_event_type(event_type)
    except InvalidEventTypeError as error:
        raise InvalidRequest.at("type", str(error)) from None


def _refuse_other_than_types(event_type: str) -> None:
    # In a path, a text that is not an event type is one without schemas: 404, not 422.
    try:
        validate_event_type(event_type)
    except InvalidEventTypeError:
        raise _no_schemas(event_type) from None


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= 4 else None


def _no_schemas(event_type: str) -> NotFound:
    return NotFound.of(f"schema of {event_type}")
