"""Keeping the contexts of services."""

from contextlib import suppress
from dataclasses import dataclass

from event_bus import json_numbers, times
from event_bus.access.callers import Caller
from event_bus.conflicts import attempts
from event_bus.errors import (
    Conflict,
    Forbidden,
    InvalidRequest,
    MalformedRequest,
    NotFound,
)
from event_bus.model.contexts import (
    MAX_ENTRIES,
    ContextEntry,
    check_context_key,
    check_context_name,
)
from event_bus.requests.contexts import ContextEntryRequest
from event_bus.stores.contexts import ContextStore
from event_bus.stores.refusals import Contended, Outdated, QuotaReached


@dataclass(frozen=True, slots=True)
class NamedContext:
    """A context that a request names, and that its caller may use.

    Attributes:
        service_id: The service that keeps it.
        name: Its name.
    """

    service_id: str
    name: str


def named_context(name: str, service_id: str | None, caller: Caller) -> NamedContext:
    """Returns the context that a request names: one of the caller's, or of any for an admin.

    Args:
        name: The name in the path.
        service_id: The service in the query; None if it is left out.
        caller: The caller.

    Raises:
        MalformedRequest: An admin names no service.
        Forbidden: A service names another one.
    """
    if service_id is None:
        if caller.admin:
            raise MalformedRequest.at("service_id", "is required with an admin key")
        return NamedContext(caller.service_id, name)
    if not caller.admin and service_id != caller.service_id:
        raise Forbidden(
            "service_id must be the service whose key was sent, or left out: a service uses only "
            "its own contexts.",
            reason="other_service",
        )
    return NamedContext(service_id, name)


@dataclass(frozen=True, slots=True)
class Contexts:
    """Finds, lists, writes and removes entries of contexts.

    Attributes:
        store: The entries.
    """

    store: ContextStore

    def get(self, context: NamedContext, key: str) -> ContextEntry:
        """Returns an entry.

        Raises:
            NotFound: There is none.
        """
        entry = self.store.get(context.service_id, context.name, key)
        if entry is None:
            raise NotFound.of(f"entry {key}")
        return entry

    def page(self, context: NamedContext, after: str | None, limit: int) -> list[ContextEntry]:
        """Returns up to `limit` entries that follow the key `after`, in the order of keys."""
        return self.store.page(context.service_id, context.name, after, limit)

    def put(
        self, context: NamedContext, key: str, request: ContextEntryRequest
    ) -> tuple[ContextEntry, bool]:
        """Writes an entry; an entry with the same value does not change.

        Returns:
            The entry, and whether it is new.

        Raises:
            InvalidRequest: The context or the entry cannot have such a name.
            Conflict: The entry is not of the expected version, the service has as many entries as
                it may have, or others write in every attempt.
        """
        _check_names(context, key)
        value = json_numbers.dumps(request.value)
        for _ in attempts():
            before = self.store.get(context.service_id, context.name, key)
            version = before.version if before else 0
            if request.expected_version not in (None, version):
                raise Conflict(
                    f"The entry has the version {version}, and not {request.expected_version}. "
                    "Read it, and send the request again with its version."
                )
            if before and before.value == value:
                return before, False
            entry = ContextEntry(
                context.service_id, context.name, key, value, version + 1, times.now()
            )
            if before:
                if self.store.replace(entry, before):
                    return entry, False
            elif self._added(entry):
                return entry, True
        raise Conflict.overtaken("the contexts of the service")

    def delete(self, context: NamedContext, key: str) -> None:
        """Removes an entry.

        Raises:
            NotFound: There is none.
            Conflict: Others write in every attempt.
        """
        for _ in attempts():
            self.get(context, key)
            with suppress(Outdated, Contended):
                self.store.delete(context.service_id, context.name, key)
                return
        raise Conflict.overtaken("the contexts of the service")

    def _added(self, entry: ContextEntry) -> bool:
        try:
            self.store.add(entry, MAX_ENTRIES)
        except QuotaReached:
            detail = (
                f"{entry.service_id} has {MAX_ENTRIES:,} entries in its contexts, the most that a "
                "service may have; remove some"
            )
            raise Conflict.at("key", detail) from None
        except (Outdated, Contended):
            return False
        return True


def _check_names(context: NamedContext, key: str) -> None:
    for name, check, given in (
        ("name", check_context_name, context.name),
        ("key", check_context_key, key),
    ):
        try:
            check(given)
        except ValueError as error:
            raise InvalidRequest.at(name, str(error)) from None
