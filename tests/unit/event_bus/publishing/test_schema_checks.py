"""Payloads are checked by the schemas of their types."""

import subprocess
import sys
from concurrent.futures import Executor
from dataclasses import replace
from typing import Any

import pytest
from event_bus import times
from event_bus.access.known_publishers import KnownPublishers
from event_bus.errors import InvalidRequest, Problem
from event_bus.model.schemas import SchemaVersion, TypeSchemas, Validation, VersionEntry
from event_bus.publishing.intake import Accepted, Intake
from event_bus.publishing.publisher_rights import PublisherRights
from event_bus.publishing.schema_checks import SchemaChecks

from tests.aws import RETENTION_DAYS, Aws
from tests.builders import publisher, service, submission

PLANNER = service("planner")
TYPE = "task.created"
TITLE = {"type": "object", "required": ["title"], "properties": {"title": {"type": "string"}}}
DUE = {**TITLE, "required": ["title", "due"]}


def put(aws: Aws, validation: Validation, *schemas: dict[str, Any], deleted: int = 0) -> None:
    """Stores the schemas of the type, in place of those before."""
    now, before = times.now(), aws.schemas.get(TYPE)
    versions = [
        VersionEntry(number, "digest", now, "planner", now if number == deleted else None)
        for number in range(1, len(schemas) + 1)
    ]
    after = TypeSchemas(TYPE, "planner", now, now, validation=validation, versions=versions)
    known = len(before.versions) if before else 0
    new = schemas[known:]
    for number, schema in enumerate(new, known + 1):
        step = replace(after, versions=versions[:number])
        version = SchemaVersion(TYPE, number, schema)
        aws.schemas.put(before, step, aws.schemas.index(), version)
        before = step
    if not new:
        aws.schemas.put(before, after, aws.schemas.index())


@pytest.fixture
def checks(aws: Aws) -> SchemaChecks:
    return SchemaChecks(aws.schemas.index, aws.schemas.version)


@pytest.fixture
def intake(aws: Aws, checks: SchemaChecks, executor: Executor) -> Intake:
    registered = replace(publisher("planner", "task.*"), sensitive={TYPE: ["/card"]})

    def find(_: str) -> Any:
        checks.take(aws.schemas.index())
        return registered

    rights = PublisherRights(KnownPublishers(find))
    return Intake(aws.events, rights, checks, aws.seal, RETENTION_DAYS, executor, lambda *_: True)


def take(intake: Intake, payload: dict[str, Any], **metadata: str) -> Accepted:
    return intake.take(submission(type=TYPE, payload=payload, metadata=metadata), PLANNER)


def test_a_type_without_a_schema_is_not_checked(intake: Intake) -> None:
    event = take(intake, {}, version="7").event

    assert (event.schema_version, event.schema_valid) == (None, None)


def test_an_invalid_payload_is_refused_with_its_places(aws: Aws, intake: Intake) -> None:
    put(aws, "enforce", TITLE)

    with pytest.raises(InvalidRequest) as refusal:
        take(intake, {"title": 5})
    [fault] = refusal.value.faults
    assert (fault.pointer, fault.detail) == ("/payload/title", "must be of the type string")


def test_in_a_batch_it_is_refused_alone(aws: Aws, intake: Intake) -> None:
    put(aws, "enforce", TITLE)
    payloads: list[dict[str, Any]] = [{"title": "a"}, {}, {"title": "b"}]

    results = intake.take_all([submission(type=TYPE, payload=each) for each in payloads], PLANNER)

    refused = [each for each in results if isinstance(each, Problem)]
    assert [isinstance(each, Problem) for each in results] == [False, True, False]
    assert [fault.pointer for fault in refused[0].faults] == ["/1/payload/title"]


def test_a_warning_stores_the_event_and_says_so(aws: Aws, intake: Intake) -> None:
    put(aws, "warn", TITLE)

    accepted = take(intake, {})
    assert [each.pointer for each in accepted.warnings] == ["/payload/title"]
    stored = aws.events.get(accepted.event.id)
    assert stored
    assert (stored.schema_version, stored.schema_valid) == (1, False)
    assert take(intake, {"title": "a"}).event.schema_valid is True


def test_where_validation_is_off_the_version_is_recorded(aws: Aws, intake: Intake) -> None:
    put(aws, "off", TITLE)

    event = take(intake, {}).event
    assert (event.schema_version, event.schema_valid) == (1, None)
    assert take(intake, {}, version="draft").event.schema_version is None


@pytest.mark.parametrize(
    ("named", "version"), [(None, 2), ("1", 1), ("2", 2), ("1.4.2", 1), ("2.0", 2)]
)
def test_the_metadata_name_the_version(
    aws: Aws, intake: Intake, named: str | None, version: int
) -> None:
    put(aws, "enforce", TITLE, DUE)
    metadata = {} if named is None else {"version": named}

    assert take(intake, {"title": "a", "due": "b"}, **metadata).event.schema_version == version


@pytest.mark.parametrize("named", ["3", "0", "v1", "1.", "latest", "99999999999"])
def test_a_version_that_there_is_not_is_refused(aws: Aws, intake: Intake, named: str) -> None:
    put(aws, "enforce", TITLE, DUE)

    with pytest.raises(InvalidRequest) as refusal:
        take(intake, {"title": "a"}, version=named)
    assert [fault.pointer for fault in refusal.value.faults] == ["/metadata/version"]


def test_a_deleted_version_is_no_more(aws: Aws, intake: Intake) -> None:
    put(aws, "enforce", TITLE, DUE)
    put(aws, "enforce", TITLE, DUE, deleted=1)

    with pytest.raises(InvalidRequest):
        take(intake, {"title": "a"}, version="1")


def test_a_relaxed_schema_applies_at_once(aws: Aws, intake: Intake) -> None:
    put(aws, "enforce", TITLE)
    with pytest.raises(InvalidRequest):
        take(intake, {})

    put(aws, "warn", TITLE)
    assert take(intake, {}).warnings
    put(aws, "warn", TITLE, {})
    assert take(intake, {}, version="2").event.schema_version == 2


def test_faults_reveal_nothing_inside_sensitive_members(aws: Aws, intake: Intake) -> None:
    inner = {"additionalProperties": False, "properties": {"number": {"type": "integer"}}}
    put(aws, "enforce", {"properties": {"card": inner}})

    with pytest.raises(InvalidRequest) as refusal:
        take(intake, {"card": {"number": "4111", "secret-name": 1}})
    assert [(each.pointer, each.detail) for each in refusal.value.faults] == [
        ("/payload/card", "is sensitive, and the schema does not permit its value")
    ]


def test_the_library_is_loaded_only_where_there_is_a_schema() -> None:
    code = (
        "import sys; import event_bus.publishing.intake, event_bus.stores.schemas;"
        "assert 'jsonschema_rs' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)


def test_a_payload_that_is_not_json_meets_no_schema(aws: Aws, intake: Intake) -> None:
    sent = {"type": TYPE, "payload_base64": "aGk="}
    put(aws, "enforce", TITLE)
    with pytest.raises(InvalidRequest) as refusal:
        intake.take(sent, PLANNER)
    [fault] = refusal.value.faults
    assert fault.pointer == "/payload_base64"
    assert "send JSON" in fault.detail
    put(aws, "warn", TITLE)
    accepted = intake.take(sent, PLANNER)
    assert [each.pointer for each in accepted.warnings] == ["/payload_base64"]
    assert (accepted.event.schema_version, accepted.event.schema_valid) == (1, False)


def test_where_parts_are_sensitive_all_of_a_payload_that_is_not_json_is(
    aws: Aws, intake: Intake
) -> None:
    sent = {"type": TYPE, "payload_base64": "aGk=", "content_type": "text/plain"}
    stored = intake.take(sent, PLANNER).event
    assert stored.payload == b'{"$encrypted":true}'
    assert stored.envelope()["payload"] is not None
    assert "payload_base64" not in stored.envelope()
    opened = aws.seal.open(stored)
    assert opened.payload == b'"aGk="'
    assert opened.content_type == "text/plain"
    # Sent again, it is the same event.
    again = intake.take({**sent, "id": stored.id, "timestamp": stored.timestamp}, PLANNER)
    assert again.repeated
