"""How each function uses queues, the bucket of payloads and the sealing key.

Templates and the simulator permit exactly that.
"""

from event_bus.api.operations.registry import OPERATIONS
from event_bus.encryption import data_keys, signing_secrets
from event_bus.stores.archive import ARCHIVE_PREFIX
from event_bus.stores.payloads import EXPIRING_PREFIX, KEPT_PREFIX

from tests.table_uses import LANE_NAMES, LANES, PACED, PROTOCOLS

SENDERS: dict[str, set[str]] = {
    **{
        f"{protocol}_lane": {
            *("enrich", "route", "recovery", "redrive", "replay", "sweep"),
            f"deliver_{protocol}",
        }
        for protocol in PROTOCOLS
    },
    # A protocol's lane hands over to its paced and slow lanes, which send to themselves and to each
    # other.
    **{
        f"{protocol}_{kind}_lane": {
            *(f"deliver_{protocol}", f"deliver_{protocol}_paced", f"deliver_{protocol}_slow")
        }
        for protocol in PACED
        for kind in ("paced", "slow")
    },
    # Functions that know that a subscription asks for an enrichment.
    "enrich_lane": {"enrich", "route", "replay", *(LANES - {"deliver_inbox"})},
    "unroutable_queue": {"route", "sweep"},
    "replay_queue": {"recovery", "registry", "replay", "route", "sweep"},
    # The authorizer refuses WebSockets; the function of the log sets single events aside.
    "audit_queue": {
        *(route.function for route in OPERATIONS if not route.public),
        *("authorize", "socket", "audit"),
    },
}
"""The functions that send messages to each queue."""

READERS = {*LANES, "enrich", "events", "inbox", "push", "recovery", "replay", "route", "socket"}
"""The functions that read payloads."""

REPLYING = {f"deliver_{name}" for name in LANE_NAMES if name.startswith(("http", "lambda"))}
"""The functions that publish the answers of subscribers as replies."""

_PUTS = {("PutObject", EXPIRING_PREFIX), ("PutObject", KEPT_PREFIX)}

PAYLOADS: dict[str, set[tuple[str, str]]] = {
    **{name: {("GetObject", "")} for name in READERS - REPLYING - {"inbox"}},
    **{name: {("GetObject", ""), *_PUTS} for name in {"inbox", *REPLYING}},
    # An id may be published again after its event was archived.
    "publish": {("GetObject", ARCHIVE_PREFIX), *_PUTS},
    "audit": {("GetObject", ARCHIVE_PREFIX)},
    "redrive": {("GetObject", ARCHIVE_PREFIX)},
    # Where the settings say that it archives events.
    "sweep": {("PutObject", ARCHIVE_PREFIX)},
}
"""What each function does with objects of the bucket of payloads, and how their keys begin."""

_OPENS, _SEALS = frozenset({"Decrypt"}), frozenset({"Decrypt", "GenerateDataKey"})

SEALING: dict[str, dict[str, frozenset[str]]] = {
    signing_secrets.PURPOSE: {
        "registry": frozenset({"Encrypt"}),
        **dict.fromkeys(
            ("deliver_http", "deliver_http_paced", "deliver_http_slow", "enrich"), _OPENS
        ),
    },
    data_keys.PURPOSE: {
        **dict.fromkeys((LANES - REPLYING - {"deliver_inbox"}) | {"push", "socket"}, _OPENS),
        # The function `events` encrypts snapshots of states.
        **dict.fromkeys(REPLYING | {"publish", "inbox", "events"}, _SEALS),
    },
    data_keys.KEPT_ANSWERS: dict.fromkeys(("keys", "recovery", "registry"), _SEALS),
}
"""What each function does with the sealing key, by the purpose in the encryption context."""
