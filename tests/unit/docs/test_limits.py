"""The numbers in the tables of limits are those of the code."""

import re
from pathlib import Path

import pytest
from event_bus.access.stream_tokens import LIFETIME_SECONDS
from event_bus.api.body import MAX_BODY_BYTES
from event_bus.api.documents.schemas import MAX_RECEIVERS
from event_bus.api.idempotency import KEPT_SECONDS
from event_bus.api.parameters import CURSOR, MAX_PARAMETER_CHARACTERS, PAGING_BY_NAME
from event_bus.callbacks.client import MAX_RESPONSE_BYTES
from event_bus.callbacks.urls import MAX_URL_LENGTH
from event_bus.encryption.signing_secrets import MAX_SECRETS
from event_bus.enrichment.requests import MAX_VARIABLES as MAX_URL_VARIABLES
from event_bus.expressions import limits as expressions
from event_bus.inbox.connections import MAX_MESSAGE_BYTES
from event_bus.inbox.following import MAX_CONNECTIONS, MAX_SUBSCRIPTIONS
from event_bus.inbox.pusher import WINDOW
from event_bus.inbox.reader import MOST_BYTES
from event_bus.json_numbers import MAX_DIGITS
from event_bus.maintenance import archiving
from event_bus.matching import limits as matching
from event_bus.model import (
    api_keys,
    command_types,
    contexts,
    delivery,
    enrichment,
    event,
    filter_checks,
    names,
    read_model,
    reducer,
    replay,
    retry_policy,
    schemas,
)
from event_bus.paging import DEFAULT_LIMIT, MAX_LIMIT
from event_bus.publishing.intake import MAX_BATCH
from event_bus.querying.flows import MAX_FLOW
from event_bus.querying.schema_drafts import MAX_EVENTS
from event_bus.recovery import dead_letters
from event_bus.registry.keys import MAX_KEYS
from event_bus.requests import (
    commands,
    credentials,
    fetching,
    metadata,
    publisher,
    readers,
    sensitive,
    stream_append,
)
from event_bus.requests import (
    read_model as read_model_request,
)
from event_bus.requests.event import MAX_METADATA_BYTES, MAX_PAYLOAD_BYTES
from event_bus.requests.retry_policy import MAX_ATTEMPTS
from event_bus.schemas import limits as schema
from event_bus.states import function_reducing, reducing, state_reader
from event_bus.stores.read_models import MAX_STORED_BYTES
from event_bus.stores.snapshots import MAX_SNAPSHOT_BYTES
from event_bus.strict_json import MAX_DEPTH, MAX_FLAWS
from event_bus.targets.lambda_function import MAX_RESULT_BYTES
from event_bus.transforms import limits as transforms

from infra.settings import DeploymentSettings
from tests.unit.docs.pages import DOCS

REFERENCE = DOCS / "reference"
LIMITS, STATES, SCHEMAS, FILTERS, TARGETS = (
    REFERENCE / name
    for name in ("limits.md", "api/states.md", "api/schemas.md", "filters.md", "targets.md")
)


def _size(count: int) -> str:
    for unit, name in ((1024 * 1024, "MiB"), (1024, "KiB")):
        if count % unit == 0:
            return f"{count // unit} {name}"
    raise AssertionError(count)


def _plain(cell: str) -> str:
    """A cell of a table without the targets of its links, and without code marks."""
    return re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", cell).replace("`", "")


def _name(each: Path | str) -> str:
    return each.stem if isinstance(each, Path) else each


def _rows(page: Path) -> dict[str, str]:
    found = re.findall(r"^ *\| (.+?) \| (.+) \|$", page.read_text("utf-8"), re.MULTILINE)
    return {_plain(what): _plain(limit) for what, limit in found}


_TRANSFORM = (
    f"expression and template {transforms.MAX_TEMPLATE_CHARACTERS:,} characters each, "
    f"{transforms.MAX_VARIABLES} variables, {transforms.MAX_HEADERS} headers, "
    f"{transforms.MAX_ATTRIBUTES} attributes; the result {_size(transforms.MAX_BODY_BYTES)}"
)
STATED = [
    (LIMITS, "body of a request", _size(MAX_BODY_BYTES)),
    (LIMITS, "events of a batch", f"{MAX_BATCH}"),
    (LIMITS, "nesting of a body", f"{MAX_DEPTH} levels"),
    (LIMITS, "nesting of a body", f"{MAX_DEPTH + 1} in a batch"),
    (LIMITS, "values of a body that cannot be read, such as NaN", f"{MAX_FLAWS:,}"),
    (LIMITS, "numbers", f"{MAX_DIGITS} digits"),
    (LIMITS, "query parameter", f"{MAX_PARAMETER_CHARACTERS} characters"),
    (LIMITS, "query parameter", f"{PAGING_BY_NAME[1].longest:,} for the cursor"),
    (LIMITS, "items of a page", f"{MAX_LIMIT}, by default {DEFAULT_LIMIT}"),
    (LIMITS, "payload", f"{_size(MAX_PAYLOAD_BYTES)} as compact JSON"),
    (LIMITS, "payload shown in lists", _size(event.INLINE_PAYLOAD_BYTES)),
    (LIMITS, "metadata", f"{_size(MAX_METADATA_BYTES)} as compact JSON"),
    (
        LIMITS,
        "correlation_id, trace_id, version, reply_to, causation_id, stream_id, deduplication_key",
        f"{names.MAX_LABEL_CHARACTERS} characters",
    ),
    (LIMITS, "timestamp", f"at most {event.MAX_AHEAD_SECONDS} seconds ahead"),
    (
        LIMITS,
        "event type, type pattern",
        f"{matching.MAX_EVENT_TYPE_LENGTH} characters, {matching.MAX_EVENT_TYPE_SEGMENTS} "
        f"segments; at most {matching.MAX_TYPE_WILDCARDS} *",
    ),
    (LIMITS, "events that cause each other", f"{event.MAX_HOPS} after the first"),
    (
        LIMITS,
        "sensitive parts of an event, or of a type in a registration",
        f"{sensitive.MAX_SENSITIVE_FIELDS} pointers",
    ),
    (LIMITS, "versions of a type's schema", f"{schemas.MAX_VERSIONS}"),
    (LIMITS, "types with schemas", f"{schemas.MAX_TYPES:,}"),
    (
        LIMITS,
        "events of one append to an event stream",
        f"{stream_append.MAX_APPEND}; {stream_append.MAX_WRITES // 3} if each",
    ),
    (LIMITS, "state of an event stream", _size(reducing.MAX_STATE_BYTES)),
    (
        LIMITS,
        "events of an object in the archive",
        f"{archiving.MOST_EVENTS}, together {_size(archiving.MOST_BYTES)}",
    ),
    (
        LIMITS,
        "chosen API key",
        f"{api_keys.MIN_CHOSEN_LENGTH} to {api_keys.MAX_CHOSEN_LENGTH} characters",
    ),
    (LIMITS, "keys of a service", f"{MAX_KEYS}"),
    (LIMITS, "sensitive of a registration", _size(publisher.MAX_SENSITIVE_BYTES)),
    (LIMITS, "sensitive_readers of a publisher", f"{readers.MAX_READERS}"),
    (LIMITS, "restricted types of a publisher", f"{readers.MAX_RESTRICTED_NAMES} names in all"),
    (
        LIMITS,
        "type patterns of a publisher or a subscription",
        f"{matching.MAX_EVENT_TYPES}; of a handler {command_types.MAX_HANDLED_TYPES}",
    ),
    (
        LIMITS,
        "filters of a subscription",
        f"{matching.MAX_FILTERS}, together {_size(filter_checks.MAX_FILTERS_BYTES)}",
    ),
    (
        LIMITS,
        "enrichment",
        f"{enrichment.MAX_SOURCES} parts, each {_size(enrichment.MAX_PART_BYTES)} as JSON; "
        f"{enrichment.MAX_SECONDS:g} s for all tries of all sources; "
        f"{MAX_URL_VARIABLES} variables in a URL, "
        f"whose answer has less than {_size(MAX_RESPONSE_BYTES)}",
    ),
    (LIMITS, "entries of all contexts of a service", f"{contexts.MAX_ENTRIES:,}"),
    (
        LIMITS,
        "entry of a context",
        f"key {contexts.MAX_KEY_CHARACTERS} characters, value {_size(contexts.MAX_VALUE_BYTES)}",
    ),
    (LIMITS, "transform", _TRANSFORM),
    (LIMITS, "callback_url", f"{MAX_URL_LENGTH:,} characters"),
    (
        LIMITS,
        "attempts of a delivery",
        f"{MAX_ATTEMPTS}, by default {retry_policy.DEFAULT_POLICY.max_attempts}; "
        f"the last {delivery.KEPT_ATTEMPTS} are kept",
    ),
    (LIMITS, "time for one attempt", f"by default {retry_policy.DEFAULT_POLICY.timeout:g}"),
    (LIMITS, "signing secrets that sign at the same time", f"{MAX_SECRETS}"),
    (LIMITS, "replies that a request expects", f"{metadata.MAX_EXPECTED_REPLIES}"),
    (LIMITS, "wait for the end of a command", f"{commands.MAX_COMMAND_WAIT_SECONDS} s"),
    (LIMITS, "result of a function that is published as a reply", _size(MAX_RESULT_BYTES)),
    (
        LIMITS,
        "rate of a replay",
        f"{replay.MAX_RATE} deliveries a second, by default {replay.DEFAULT_RATE}",
    ),
    (LIMITS, "wait of a pull", f"{fetching.MAX_WAIT_SECONDS} s"),
    (LIMITS, "wait of an SSE request", f"{fetching.SSE_WAIT_SECONDS} s"),
    (
        LIMITS,
        "lease of a pull",
        f"1 to {fetching.MAX_LEASE_SECONDS} s, by default {fetching.LEASE_SECONDS}",
    ),
    (LIMITS, "subscriptions of one WebSocket connection", f"{MAX_SUBSCRIPTIONS}"),
    (LIMITS, "WebSocket connections of one subscription", f"{MAX_CONNECTIONS}"),
    (LIMITS, "unacknowledged events of a WebSocket subscription", f"{WINDOW}; the bus"),
    (LIMITS, "events of an answer", f"100, with payloads of up to {_size(MOST_BYTES)} in all"),
    (LIMITS, "stream token", "one hour" if LIFETIME_SECONDS == 3600 else f"{LIFETIME_SECONDS} s"),
    (LIMITS, "event over a WebSocket with its payload", _size(MAX_MESSAGE_BYTES)),
    (
        LIMITS,
        "dead letters that one request retries",
        f"{dead_letters.MAX_BULK}, in at most {dead_letters.BULK_SECONDS} s; their first attempts "
        f"are made {dead_letters.BULK_RATE} a second",
    ),
    (LIMITS, "events of a flow", f"the oldest {MAX_FLOW}"),
    (
        LIMITS,
        "requests of a key",
        f"{DeploymentSettings.model_fields['key_rate'].default} a second",
    ),
    (
        LIMITS,
        "requests of all keys",
        f"{DeploymentSettings.model_fields['throttling_rate'].default:,} a second, "
        f"{DeploymentSettings.model_fields['throttling_burst'].default:,} at once",
    ),
    (LIMITS, "rate_limit of a key", f"{credentials.MAX_RATE:,} requests a second"),
    (LIMITS, "idempotency key", f"kept for {KEPT_SECONDS // 3600} hours"),
    (
        STATES,
        "reducers of a service",
        f"{reducer.MAX_REDUCERS}, each with {reducer.MAX_VERSIONS:,} versions",
    ),
    (
        STATES,
        "expression",
        f"{expressions.MAX_EXPRESSION_CHARACTERS:,} characters; "
        f"{expressions.PROCESSOR_SECONDS:g} s of processor time and "
        f"{_size(expressions.MEMORY_BYTES)}",
    ),
    (
        STATES,
        "call of a function",
        f"{function_reducing.MAX_CALL_EVENTS} events with 4 MiB in all; "
        f"{function_reducing.CALL_SECONDS:g} s",
    ),
    (STATES, "state", f"{_size(reducing.MAX_STATE_BYTES)} as compact JSON, at most {MAX_DEPTH}"),
    (
        STATES,
        "events that one request folds, for the publisher and admins",
        f"{state_reader.MAX_EXAMINED:,}, in at most {state_reader.READ_SECONDS:g} s",
    ),
    (
        STATES,
        "events that one request folds, for others",
        f"{state_reader.MAX_PARTLY_FOLDED:,} that the key may see",
    ),
    (
        STATES,
        "read models of a service",
        f"{read_model.MAX_READ_MODELS}, each with {read_model_request.MAX_INDEXES} indexes",
    ),
    (STATES, "state in a read model", _size(MAX_STORED_BYTES)),
    (STATES, "snapshot", _size(MAX_SNAPSHOT_BYTES)),
    (
        SCHEMAS,
        "schema",
        f"{_size(schema.MAX_SCHEMA_BYTES)} as compact JSON, {schema.MAX_SUBSCHEMAS:,} schemas in "
        f"it, {schema.MAX_DEPTH} levels",
    ),
    (
        SCHEMAS,
        "regular expressions",
        f"{schema.MAX_PATTERNS} in a schema, each {schema.MAX_PATTERN_CHARACTERS} characters and "
        f"{_size(schema.MAX_PATTERN_BYTES)} compiled",
    ),
    (SCHEMAS, "$ref", f"up to {schema.MAX_CHAIN} in a row"),
    (SCHEMAS, "schemas that apply to one value of a payload", f"{schema.MAX_CHECKS:,}"),
    (SCHEMAS, "payload", f"{schema.MAX_WORK:,}"),
    (SCHEMAS, "faults of one payload in an answer", f"{schema.MAX_FAULTS}"),
    (FILTERS, "type patterns of a subscription", f"{matching.MAX_EVENT_TYPES}"),
    (FILTERS, "filters of a subscription", f"{matching.MAX_FILTERS}"),
    (FILTERS, "levels of objects in a pattern", f"{matching.MAX_DEPTH}"),
    (FILTERS, "different fields in a pattern", f"{matching.MAX_FIELDS}"),
    (FILTERS, "values in a pattern", f"{matching.MAX_VALUES:,}"),
    (FILTERS, "comparisons in a pattern besides equality", f"{matching.MAX_OPERATORS}"),
    (
        FILTERS,
        "combinations of $or: the product of the lengths of all its arrays",
        f"{matching.MAX_OR_COMBINATIONS:,}",
    ),
    (
        FILTERS,
        "the same in all filters of a subscription; a filter without $or counts once",
        f"{matching.MAX_ALL_OR_COMBINATIONS:,}",
    ),
    (
        FILTERS,
        "fields in all these combinations; a field counts for each that contains it",
        f"{matching.MAX_ALL_COMBINED:,}",
    ),
    (
        FILTERS,
        "fields in all filters of a subscription, with those that hold other fields",
        f"{matching.MAX_ALL_FIELDS:,}",
    ),
    (FILTERS, "asterisks in a wildcard", f"{matching.MAX_WILDCARDS}"),
    (FILTERS, "characters of a string", f"{matching.MAX_STRING_LENGTH:,}"),
    (FILTERS, "characters of a field name", f"{matching.MAX_NAME_LENGTH}"),
    (TARGETS, "subscriptions of one WebSocket connection", f"{MAX_SUBSCRIPTIONS}"),
    (TARGETS, "WebSocket connections of one subscription", f"{MAX_CONNECTIONS}"),
]
SENTENCES = [
    (FILTERS, f"At most {matching.MAX_ELEMENTS:,} elements of an event are matched."),
    (FILTERS, f"takes at most {matching.EVENT_WORK:,} steps for an event."),
    (SCHEMAS, f"the newest {MAX_EVENTS} events"),
    (SCHEMAS, f"`receivers` has at most {MAX_RECEIVERS} of them"),
]


@pytest.mark.parametrize(("page", "row", "stated"), STATED, ids=_name)
def test_a_limit_is_that_of_the_code(page: Path, row: str, stated: str) -> None:
    assert re.search(rf"(?<![\d,.]){re.escape(stated)}(?![\d]|,\d)", _rows(page)[row])


@pytest.mark.parametrize(("page", "sentence"), SENTENCES, ids=_name)
def test_a_number_in_a_sentence_is_that_of_the_code(page: Path, sentence: str) -> None:
    assert sentence in page.read_text("utf-8")


def test_the_longest_cursor_is_the_exception_of_lists_by_name() -> None:
    assert CURSOR.longest == MAX_PARAMETER_CHARACTERS


@pytest.mark.parametrize("name", DeploymentSettings.model_fields)
def test_a_setting_has_the_default_and_the_range_of_the_code(name: str) -> None:
    field = DeploymentSettings.model_fields[name]
    page = (REFERENCE / "settings.md").read_text("utf-8")
    [row] = [
        (default, meaning)
        for names_of, default, meaning in re.findall(
            r"^\| (`[^|]*) \| ([^|]*) \| (.*) \|$", page, re.MULTILINE
        )
        if f"`{name}`" in names_of
    ]
    default, meaning = row
    if isinstance(field.default, bool):
        assert default == f"`{str(field.default).lower()}`"
    elif isinstance(field.default, int):
        assert default == f"{field.default}"
    bounds = {
        kind: int(value)
        for each in field.metadata
        for kind in ("ge", "le")
        if (value := getattr(each, kind, None)) is not None
    }
    if "le" in bounds:
        assert re.search(rf"\b(?:to|up to) {bounds['le']:,}\b", meaning), name
    if bounds.get("ge", 0) > 0:
        assert f"{bounds['ge']:,} to " in meaning, name
