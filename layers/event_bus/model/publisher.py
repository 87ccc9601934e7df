"""Publishers as they are stored."""

from dataclasses import dataclass, field

from event_bus.matching.event_types import matches_any, matches_type


@dataclass(frozen=True, slots=True)
class Publisher:
    """A service that may publish.

    Attributes:
        service_id: The service, and so the publisher's identifier.
        name: What people call it.
        event_types: The type patterns that it may publish.
        created_at: When it was registered, RFC 3339.
        updated_at: When it last changed, RFC 3339.
        sensitive: JSON pointers to the sensitive parts of its payloads, by type pattern.
        sensitive_readers: The services that may read these parts.
        restricted: The only services that may receive a type, by type pattern.
        stream_categories: The categories of streams to which it may append; empty for all.
        kept_stream_categories: The categories of its streams whose events never expire.
    """

    service_id: str
    name: str
    event_types: list[str]
    created_at: str
    updated_at: str
    sensitive: dict[str, list[str]] = field(default_factory=dict)
    sensitive_readers: list[str] = field(default_factory=list)
    restricted: dict[str, list[str]] = field(default_factory=dict)
    stream_categories: list[str] = field(default_factory=list)
    kept_stream_categories: list[str] = field(default_factory=list)

    def publishes(self, event_type: str) -> bool:
        """Returns whether it may publish a type."""
        return matches_any(self.event_types, event_type)

    def appends_to(self, category: str) -> bool:
        """Returns whether it may append to streams of a category."""
        return not self.stream_categories or category in self.stream_categories

    def sensitive_in(self, event_type: str) -> list[str]:
        """Returns JSON pointers to the sensitive parts of payloads of a type."""
        return [
            pointer
            for pattern, pointers in self.sensitive.items()
            if matches_type(pattern, event_type)
            for pointer in pointers
        ]

    def lets_read(self, service_id: str) -> bool:
        """Returns whether a service may read the sensitive parts of its events."""
        return service_id == self.service_id or service_id in self.sensitive_readers
