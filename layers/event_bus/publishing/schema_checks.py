"""Checks published payloads by the schemas of their types."""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from event_bus.cache import Cache
from event_bus.errors import Fault
from event_bus.model.event import Event
from event_bus.model.schemas import SchemaCheck, SchemaVersion, TypeInIndex
from event_bus.requests.validation import invalid
from event_bus.stores.schemas import SchemaIndex

if TYPE_CHECKING:
    from event_bus.schemas.validator import PayloadValidator

_COMPILED = 500
"""The most compiled schemas in the cache."""

# The major version names the version of the schema: "2" and "2.1" are both version 2.
_NAMED = re.compile(r"([1-9][0-9]{0,3})(?:\.[0-9]+)*")


@dataclass(frozen=True, slots=True)
class _CheckedPayload:
    """The result of checking a payload.

    Attributes:
        check: The result that is stored with the event.
        faults: The faults of the payload.
        refused: Whether the event is refused because of them.
    """

    check: SchemaCheck | None
    faults: Sequence[Fault] = ()
    refused: bool = False


_UNCHECKED = _CheckedPayload(None)


@dataclass(slots=True)
class SchemaChecks:
    """Checks payloads by schemas that were read before.

    The index of all types comes with the publisher, which publishing reads every few seconds
    anyway. A version is read once. For a type without a schema nothing is read, and the library is
    not loaded.

    Attributes:
        index: Reads the index.
        version: Finds one version of a type.
    """

    index: Callable[[], SchemaIndex]
    version: Callable[[str, int], SchemaVersion | None]
    _known: SchemaIndex = field(default_factory=SchemaIndex)
    _types: Mapping[str, TypeInIndex] = field(default_factory=dict)
    _compiled: "Cache[tuple[str, int], PayloadValidator | None]" = field(
        default_factory=lambda: Cache(math.inf, _COMPILED)
    )

    def take(self, index: SchemaIndex) -> bool:
        """Stores the index that was just read.

        Returns:
            Whether it has changed.
        """
        if index == self._known:
            return False
        self._types = index.types()
        # A version that was not found may have been registered since.
        self._compiled = Cache(math.inf, _COMPILED)
        self._known = index
        return True

    def checked(
        self, event: Event, payload: Any, at: str, sensitive: Sequence[str]
    ) -> tuple[Event, Sequence[Fault]]:
        """Returns an event with the result of its check, and the faults of its payload.

        Args:
            event: The event.
            payload: Its payload, parsed from JSON; ignored if the event has a `content_type`.
            at: The JSON pointer of the event in the request's body.
            sensitive: The JSON pointers of what is sensitive in the payload.

        Raises:
            InvalidRequest: The schema of its type refuses the payload.
        """
        checked = self._newly_checked(event, payload, at)
        faults = _without_secrets(checked.faults, sensitive, at)
        if checked.refused:
            raise invalid(faults)
        if checked.check:
            version, valid = checked.check.version, checked.check.valid
            event = replace(event, schema_version=version, schema_valid=valid)
        return event, faults

    def _newly_checked(self, event: Event, payload: Any, at: str) -> _CheckedPayload:
        """Checks a payload, and reads the index again before the payload is refused."""
        if event.type not in self._types:
            return _UNCHECKED
        checked = self._check(event, payload, at)
        unknown = bool(checked.faults) and checked.check is None
        # A change that permits the payload applies at once, so read again before a refusal.
        if (checked.refused or unknown) and self.take(self.index()):
            checked = self._check(event, payload, at)
        return checked

    def _check(self, event: Event, payload: Any, at: str) -> _CheckedPayload:
        known = self._types.get(event.type)
        if known is None:
            return _UNCHECKED
        enforced = known.validation == "enforce"
        number = _version_of(event, known)
        if number is None and known.validation != "off":
            detail = f"names no version of the schema of {event.type}; the latest is {known.latest}"
            return _CheckedPayload(None, [Fault(f"{at}/metadata/version", detail)], enforced)
        if number is None:
            return _UNCHECKED
        if known.validation == "off":
            return _CheckedPayload(SchemaCheck(number))
        faults = self._faults(event, number, payload, at)
        if faults is None:
            return _UNCHECKED
        return _CheckedPayload(SchemaCheck(number, not faults), faults, enforced and bool(faults))

    def _faults(self, event: Event, number: int, payload: Any, at: str) -> Sequence[Fault] | None:
        """Returns the faults of a payload by a version; None if there is no such version."""
        if event.content_type:
            detail = f"cannot be checked by the schema of {event.type}; send JSON as payload"
            return [Fault(f"{at}/payload_base64", detail)]
        validator = self._validator(event.type, number)
        if validator is None:
            return None
        return validator.faults(payload, event.payload_bytes, f"{at}/payload")

    def _validator(self, event_type: str, number: int) -> "PayloadValidator | None":
        def compile_version() -> "PayloadValidator | None":
            found = self.version(event_type, number)
            # Functions that meet no schema do not load the library.
            from event_bus.schemas.validator import compiled  # noqa: PLC0415

            return compiled(found.schema) if found else None

        return self._compiled.fetch((event_type, number), compile_version)


def _version_of(event: Event, known: TypeInIndex) -> int | None:
    """Returns the version that an event names, or else the latest; None for an unknown one."""
    named = event.metadata.get("version")
    if named is None:
        return known.latest
    match = _NAMED.fullmatch(named)
    number = int(match.group(1)) if match else 0
    return number if 1 <= number <= known.latest and number not in known.deleted else None


def _without_secrets(
    faults: Sequence[Fault], sensitive: Sequence[str], at: str
) -> tuple[Fault, ...]:
    """Returns the faults of a payload; those in sensitive members say neither where nor what.

    Args:
        faults: The faults.
        sensitive: The JSON pointers of what is sensitive in the payload.
        at: The JSON pointer of the event in the request's body.
    """
    places = [f"{at}/payload{each}" for each in sensitive]

    def shown(fault: Fault) -> Fault:
        for place in places:
            if f"{fault.pointer}/".startswith(f"{place}/"):
                return Fault(place, "is sensitive, and the schema does not permit its value")
        return fault

    return (*dict.fromkeys(map(shown, faults)),)
