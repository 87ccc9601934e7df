"""How each function uses each table: templates and the simulator permit exactly that."""

from typing import TYPE_CHECKING

from event_bus.api.operations.registry import OPERATIONS
from event_bus.targets.registry import TARGETS

if TYPE_CHECKING:
    from tests.unit.infra.synthesised import Synthesised

PROTOCOLS = TARGETS.lanes
PACED = tuple(each for each in PROTOCOLS if TARGETS.of_lane(each).settings.paced)
"""The protocols that have lanes for slow, new and limited subscriptions, too."""

LANE_NAMES = (*PROTOCOLS, *(f"{each}_{kind}" for kind in ("paced", "slow") for each in PACED))
LANES = {f"deliver_{name}" for name in LANE_NAMES}
"""The functions that deliver, one for each lane."""

OF_A_LANE = {
    "subscriptions": {"BatchGetItem", "GetItem", "PutItem"},
    "changes": {"PutItem", "Query"},
    "circuits": {"BatchGetItem", "DeleteItem", "PutItem"},
    "cursors": {"GetItem", "UpdateItem"},
    "streams": {"BatchGetItem", "GetItem", "Query"},
    "deliveries": {"BatchGetItem", "GetItem", "UpdateItem"},
    "events": {"BatchGetItem", "GetItem", "PutItem"},
    "rights": {"BatchGetItem"},
    "replays": {"GetItem"},
}


OF_A_PACED_PROTOCOL = {
    **OF_A_LANE,
    "circuits": OF_A_LANE["circuits"] | {"GetItem"},
    "publishers": {"GetItem"},
}


# What the code of each function does with each table; what follows a slash is an index. The parts
# of a transaction need the actions of single writes (PutItem, DeleteItem).
KEPT_ANSWERS = {"DeleteItem", "PutItem", "UpdateItem"}


TABLES = {
    "authorize": {"keys": {"GetItem", "UpdateItem"}, "limits": {"UpdateItem"}},
    "publish": {
        "events": {"BatchGetItem", "GetItem", "PutItem"},
        "idempotency": {"GetItem", "PutItem"},
        "streams": {"PutItem", "Query"},
        "publishers": {"BatchGetItem", "GetItem"},
        "deliveries": {"BatchGetItem"},
        "subscriptions": {"Query/by_service"},
        "changes": {"GetItem"},
        "rights": {"BatchGetItem"},
    },
    "events": {
        "events": {
            "BatchGetItem",
            "GetItem",
            "Query/by_cell",
            "Query/by_correlation",
            "Query/by_trace",
        },
        "streams": {
            "BatchGetItem",
            "GetItem",
            "PutItem",
            "Query",
            "Query/by_source",
            "UpdateItem",
        },
        "states": {
            "BatchGetItem",
            "GetItem",
            "PutItem",
            "Query",
            "Query/by_first",
            "Query/by_second",
        },
        "deliveries": {"BatchGetItem", "Query"},
        "subscriptions": {"GetItem", "Query/by_kind", "Query/by_service"},
        "publishers": {"GetItem", "Query/by_kind"},
        "rights": {"BatchGetItem"},
        "limits": {"UpdateItem"},
    },
    "keys": {
        "idempotency": KEPT_ANSWERS,
        "keys": {
            "BatchGetItem",
            "DeleteItem",
            "GetItem",
            "PutItem",
            "Query/by_service",
            "UpdateItem",
        },
        "publishers": {"GetItem"},
        "subscriptions": {"BatchGetItem", "Query/by_service"},
        "changes": {"GetItem"},
    },
    "registry": {
        "idempotency": KEPT_ANSWERS,
        "limits": {"UpdateItem"},
        "states": {"GetItem", "PutItem", "Query"},
        "publishers": {
            "BatchGetItem",
            "ConditionCheckItem",
            "DeleteItem",
            "GetItem",
            "PutItem",
            "Query/by_kind",
        },
        "keys": {
            "BatchGetItem",
            "ConditionCheckItem",
            "DeleteItem",
            "GetItem",
            "PutItem",
            "Query/by_service",
        },
        "subscriptions": {
            "BatchGetItem",
            "DeleteItem",
            "GetItem",
            "PutItem",
            "Query/by_kind",
            "Query/by_service",
        },
        "changes": {
            "ConditionCheckItem",
            "DeleteItem",
            "GetItem",
            "PutItem",
            "Query",
            "UpdateItem",
        },
        "circuits": {"BatchGetItem", "DeleteItem", "GetItem", "PutItem", "Scan"},
        "events": {"PutItem"},
        "replays": {"GetItem", "PutItem"},
        "metrics": {"BatchGetItem"},
        "inbox": {"UpdateItem"},
        "contexts": {"DeleteItem", "GetItem", "PutItem", "Query", "UpdateItem"},
        "rights": {"BatchGetItem", "DeleteItem", "GetItem", "PutItem", "Query/by_kind"},
    },
    "recovery": {
        "idempotency": KEPT_ANSWERS,
        "events": {"GetItem"},
        "deliveries": {
            "BatchGetItem",
            "GetItem",
            "Query",
            "Query/by_dead",
            "Query/by_dead_service",
            "UpdateItem",
        },
        "subscriptions": {"BatchGetItem", "GetItem", "Query/by_service"},
        "rights": {"BatchGetItem"},
        "replays": {"GetItem", "PutItem", "Query/by_kind", "Query/by_service"},
    },
    "status": {
        "events": {"GetItem", "Query/by_cell"},
        "deliveries": {"BatchGetItem", "Query/by_due"},
        "metrics": {"BatchGetItem", "Query"},
        "subscriptions": {"BatchGetItem"},
        "replays": {"GetItem"},
    },
    "metrics": {
        "metrics": {"BatchGetItem"},
        "subscriptions": {"Scan"},
        "circuits": {"Scan"},
        "replays": {"GetItem", "Query/by_running"},
        "events": {"Query/by_cell"},
        "deliveries": {"BatchGetItem", "Query/by_due"},
    },
    "observe": {
        "metrics": {"BatchGetItem", "PutItem", "UpdateItem"},
        "events": {"PutItem"},
    },
    # Nobody changes or removes what it wrote, and nobody else writes.
    "audit": {
        "audit": {"PutItem", "Query"},
        "metrics": {"BatchGetItem", "PutItem"},
        "events": {"BatchGetItem"},
    },
    "audit_log": {"audit": {"Query"}},
    "route": {
        "deliveries": {"BatchGetItem", "PutItem", "Query", "UpdateItem"},
        "subscriptions": {"Scan"},
        "states": {"Query"},
        "changes": {"Query"},
        "rights": {"Scan"},
        "events": {"BatchGetItem"},
    },
    **{
        f"deliver_{protocol}": {**OF_A_LANE, "publishers": {"GetItem"}}
        for protocol in PROTOCOLS
        if protocol not in ("inbox", *PACED)
    },
    "deliver_inbox": {**OF_A_LANE, "inbox": {"GetItem", "PutItem", "UpdateItem"}},
    "inbox": {
        "subscriptions": {
            "BatchGetItem",
            "GetItem",
            "PutItem",
            "Query/by_service",
            "UpdateItem",
        },
        "changes": {"GetItem", "PutItem", "Query", "UpdateItem"},
        "keys": {"GetItem", "PutItem"},
        "inbox": {"GetItem", "Query"},
        "limits": {"UpdateItem"},
        "cursors": {"GetItem", "UpdateItem"},
        # Commands are sent, followed and answered.
        "events": {"BatchGetItem", "GetItem", "PutItem"},
        "deliveries": {"BatchGetItem", "GetItem", "PutItem", "Query"},
        "idempotency": {"GetItem", "PutItem"},
        "streams": {"PutItem", "Query"},
        "publishers": {"BatchGetItem", "GetItem"},
        "rights": {"BatchGetItem"},
    },
    # What their targets answer is published as a reply.
    **{
        name: {
            **OF_A_PACED_PROTOCOL,
            "publishers": {"BatchGetItem", "GetItem"},
            "streams": OF_A_LANE["streams"] | {"PutItem"},
            "events": {"BatchGetItem", "GetItem", "PutItem"},
            "deliveries": OF_A_LANE["deliveries"] | {"PutItem"},
        }
        for name in (f"deliver_{each}" for each in LANE_NAMES if each.startswith(PACED))
    },
    "enrich": {
        "subscriptions": {"BatchGetItem"},
        "rights": {"BatchGetItem"},
        "deliveries": {"GetItem", "UpdateItem"},
        "events": {"BatchGetItem"},
        "contexts": {"GetItem"},
        "circuits": {"BatchGetItem", "DeleteItem", "GetItem", "PutItem"},
        "publishers": {"GetItem"},
    },
    "redrive": {
        "subscriptions": {"GetItem"},
        "deliveries": {"GetItem", "UpdateItem"},
        "events": {"BatchGetItem"},
    },
    "replay": {
        "replays": {"GetItem", "PutItem"},
        "streams": {"GetItem", "Query", "Query/by_source"},
        "subscriptions": {"GetItem", "Scan"},
        "states": {"DeleteItem", "GetItem", "PutItem", "Query"},
        "changes": {"Query"},
        "rights": {"Scan"},
        "events": {"BatchGetItem", "Query/by_cell", "Query/by_odd"},
        "deliveries": {"BatchGetItem", "UpdateItem"},
    },
    "sweep": {
        "deliveries": {"BatchGetItem", "Query/by_due", "UpdateItem"},
        "circuits": {"BatchGetItem"},
        "cursors": {"GetItem", "UpdateItem"},
        "events": {"PutItem", "Query/by_cell", "Query/by_odd"},
        "keys": {"Scan"},
        "replays": {"Query/by_running", "UpdateItem"},
        "streams": {"Query"},
        "subscriptions": {
            "BatchGetItem",
            "DeleteItem",
            "GetItem",
            "Query/by_end",
            "Query/by_service",
        },
        "changes": {"GetItem", "PutItem", "Query", "UpdateItem"},
        "inbox": {"UpdateItem"},
    },
    "socket": {
        "socket_subscribers": {
            "DeleteItem",
            "GetItem",
            "PutItem",
            "Query",
            "Query/by_connection",
            "UpdateItem",
        },
        "inbox": {"GetItem", "Query", "UpdateItem"},
        "cursors": {"GetItem", "UpdateItem"},
        "limits": {"UpdateItem"},
        "events": {"BatchGetItem"},
        "deliveries": {"BatchGetItem"},
        "subscriptions": {
            "BatchGetItem",
            "DeleteItem",
            "GetItem",
            "PutItem",
            "Query/by_service",
        },
        "changes": {"GetItem", "PutItem", "Query", "UpdateItem"},
        "keys": {"GetItem"},
        "publishers": {"GetItem"},
        "rights": {"BatchGetItem"},
    },
    "push": {
        "keys": {"GetItem"},
        "publishers": {"GetItem"},
        "rights": {"BatchGetItem"},
        "socket_subscribers": {"DeleteItem", "GetItem", "Query", "UpdateItem"},
        "inbox": {"Query", "UpdateItem"},
        "events": {"BatchGetItem"},
        "deliveries": {"BatchGetItem"},
        "subscriptions": {"BatchGetItem", "DeleteItem", "GetItem", "Query/by_service"},
        "changes": {"GetItem", "PutItem", "Query", "UpdateItem"},
    },
}


ARCHIVING = {"BatchGetItem"}
"""What the sweeper does with the table of events where the settings say that it archives them."""


def tables_of(app: "Synthesised", function: str) -> dict[str, set[str]]:
    """What a function does with each table."""
    used = TABLES[function]
    if function == "sweep" and not app.local:
        return {**used, "events": used["events"] | ARCHIVING}
    if app.local or function not in {route.function for route in OPERATIONS if not route.public}:
        return used
    # Callers that sign are found by the functions themselves.
    return used | {
        "keys": used.get("keys", set()) | {"GetItem", "UpdateItem"},
        "limits": {"UpdateItem"},
    }
