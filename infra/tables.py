"""The tables of the event bus: their keys and indexes, as plain data.

The data stack and the tests create their tables from these descriptions, so both are the same.
"""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Attribute:
    """An attribute that is part of a key.

    Attributes:
        name: Its name in the item.
        type: DynamoDB's letter for its type.
    """

    name: str
    type: Literal["S", "N"] = "S"


@dataclass(frozen=True, slots=True)
class Index:
    """A global secondary index.

    Attributes:
        name: Its name: `by_` and its subject.
        partition_key: Its partition key.
        sort_key: Its sort key.
        include: The attributes that it has beside the keys; None for all.
    """

    name: str
    partition_key: Attribute
    sort_key: Attribute
    include: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Table:
    """One table.

    Attributes:
        name: Its name; functions find the table in the variable `<NAME>_TABLE`.
        partition_key: Its partition key.
        sort_key: Its sort key, if it has one.
        indexes: Its indexes; each costs a write more per item.
        expires: Whether items expire at the Unix time in their attribute `expires_at`.
        busy: Whether it is written for each event.
        stream: What a record of the table stream has: the new item, or the new and the old one.
            None if the table has no table stream.
        deployed_as: Its id in existing deployments, if it is another one. A table whose id changes
            is replaced, and its items are lost.
    """

    name: str
    partition_key: Attribute
    sort_key: Attribute | None = None
    indexes: tuple[Index, ...] = ()
    expires: bool = False
    busy: bool = False
    stream: Literal["new", "both"] | None = None
    deployed_as: str | None = None

    @property
    def title(self) -> str:
        """Its name in CamelCase, as outputs use it."""
        return "".join(word.title() for word in self.name.split("_"))

    @property
    def construct_id(self) -> str:
        """The id of its construct, from which its logical id is made."""
        return self.deployed_as or self.title

    @property
    def variable(self) -> str:
        """The environment variable with the table's name."""
        return f"{self.name.upper()}_TABLE"


EXPIRY_ATTRIBUTE = "expires_at"
"""The attribute with the time at which an item expires, in Unix seconds."""

_LISTED = ("type", "source", "correlation_id", "trace_id")


def _events_by(name: str, attribute: str) -> Index:
    # DynamoDB refuses an index key among the attributes that the index includes.
    include = tuple(listed for listed in _LISTED if listed != attribute)
    return Index(name, Attribute(attribute), Attribute("position"), include)


def _all_by(name: str, attribute: str, sort_key: str) -> Index:
    return Index(name, Attribute(attribute), Attribute(sort_key))


EVENTS = Table(
    "events",
    Attribute("id"),
    indexes=(
        _events_by("by_cell", "cell"),
        # Sparse: it has only events that were stored at another time than they happened.
        Index("by_odd", Attribute("odd_shard"), Attribute("odd_position"), _LISTED),
        _events_by("by_correlation", "correlation_id"),
        _events_by("by_trace", "trace_id"),
    ),
    expires=True,
    busy=True,
    stream="new",
)
_DUE = ("service_id", "attempts", "round_start", "protocol")

DELIVERIES = Table(
    "deliveries",
    Attribute("event_id"),
    Attribute("subscription_id"),
    # All three are sparse: a delivery that succeeds at once is in none, and costs no further write.
    indexes=(
        Index("by_due", Attribute("due_shard"), Attribute("due_at"), _DUE),
        Index("by_dead", Attribute("dead_shard"), Attribute("dead_letter_id"), ()),
        Index("by_dead_service", Attribute("dead_service_shard"), Attribute("dead_letter_id"), ()),
    ),
    expires=True,
    busy=True,
    # The observer counts changes.
    stream="both",
)
CIRCUITS = Table("circuits", Attribute("subscription_id"), expires=True)
CURSORS = Table("cursors", Attribute("owner"), Attribute("name"), expires=True)
INBOX = Table(
    "inbox", Attribute("subscription_id"), Attribute("position", "N"), expires=True, stream="new"
)
SOCKET_SUBSCRIBERS = Table(
    "socket_subscribers",
    Attribute("subscription_id"),
    Attribute("connection_id"),
    indexes=(Index("by_connection", Attribute("connection_id"), Attribute("subscription_id"), ()),),
    expires=True,
    deployed_as="Followers",
)
STREAMS = Table(
    "streams",
    Attribute("stream_id"),
    Attribute("version", "N"),
    # Sparse: only the first entry of each stream is in it.
    indexes=(
        Index("by_source", Attribute("source"), Attribute("name"), ("event_id", "created_at")),
    ),
)
STATES = Table(
    "states",
    Attribute("partition"),
    Attribute("id"),
    # Sparse: the states of read models, by their indexed members.
    indexes=(
        Index("by_first", Attribute("first"), Attribute("id"), ()),
        Index("by_second", Attribute("second"), Attribute("id"), ()),
    ),
    expires=True,
)
REPLAYS = Table(
    "replays",
    Attribute("id"),
    indexes=(
        _all_by("by_kind", "kind", "id"),
        _all_by("by_service", "service_id", "id"),
        Index("by_running", Attribute("running"), Attribute("moved_at"), ()),
    ),
    expires=True,
)
PUBLISHERS = Table(
    "publishers",
    Attribute("service_id"),
    indexes=(_all_by("by_kind", "kind", "service_id"),),
)
KEYS = Table(
    "keys",
    Attribute("id"),
    indexes=(_all_by("by_service", "service_id", "id"),),
    expires=True,
)
AUDIT = Table("audit", Attribute("chain"), Attribute("number", "N"), expires=True)
METRICS = Table(
    "metrics", Attribute("span"), Attribute("start"), expires=True, deployed_as="Figures"
)
LIMITS = Table("limits", Attribute("id"), expires=True)
IDEMPOTENCY = Table("idempotency", Attribute("id"), expires=True)
SUBSCRIPTIONS = Table(
    "subscriptions",
    Attribute("id"),
    indexes=(
        _all_by("by_service", "service_id", "id"),
        _all_by("by_kind", "kind", "id"),
        # Sparse: it has only the subscriptions of listeners.
        Index("by_end", Attribute("ending"), Attribute("ends_at", "N"), ()),
    ),
)
RIGHTS = Table(
    "rights",
    Attribute("id"),
    indexes=(_all_by("by_kind", "kind", "id"),),
)
CONTEXTS = Table("contexts", Attribute("context"), Attribute("key"))
CHANGES = Table("changes", Attribute("log"), Attribute("version", "N"))

TABLES = (
    EVENTS,
    DELIVERIES,
    CIRCUITS,
    CURSORS,
    INBOX,
    SOCKET_SUBSCRIBERS,
    STREAMS,
    STATES,
    REPLAYS,
    PUBLISHERS,
    KEYS,
    LIMITS,
    IDEMPOTENCY,
    METRICS,
    AUDIT,
    SUBSCRIPTIONS,
    CHANGES,
    RIGHTS,
    CONTEXTS,
)
"""Every table."""
