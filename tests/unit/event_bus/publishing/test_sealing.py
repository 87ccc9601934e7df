"""The intake seals what a registration or an event marks as sensitive."""

from concurrent.futures import Executor
from dataclasses import replace

import pytest
from event_bus.access.known_publishers import KnownPublishers
from event_bus.encryption.data_keys import DataKeys
from event_bus.encryption.payload_seal import PayloadSeal
from event_bus.errors import Conflict
from event_bus.publishing.intake import Accepted, Intake
from event_bus.publishing.publisher_rights import PublisherRights

from tests.aws import RETENTION_DAYS, Aws
from tests.builders import AN_ADMIN, publisher, submission
from tests.faults import not_sent
from tests.unit.event_bus.publishing.taking import PLANNER, intake, sees, statuses

__all__ = ["intake"]

EMAIL = "ada@example.com"


@pytest.fixture
def discreet(aws: Aws, executor: Executor) -> Intake:
    """The intake of a publisher that says once and for all what is sensitive."""
    registered = replace(publisher("planner", "task.*"), sensitive={"task.created": ["/email"]})
    rights = PublisherRights(KnownPublishers({"planner": registered}.get))
    return Intake(aws.events, rights, aws.schema_checks, aws.seal, RETENTION_DAYS, executor, sees)


def stored(aws: Aws, accepted: Accepted) -> str:
    return str(aws.events.get(accepted.event.id))


def test_members_that_a_registration_marks_are_sealed(aws: Aws, discreet: Intake) -> None:
    marked = discreet.take(submission(payload={"email": EMAIL, "n": 1}), PLANNER)
    assert marked.event.payload == b'{"email":{"$encrypted":true},"n":1}'
    assert EMAIL not in stored(aws, marked)
    without = discreet.take(submission(payload={"n": 1}), PLANNER)
    other = discreet.take(submission("task.closed", payload={"email": EMAIL}), PLANNER)
    assert without.event.sealed_key is other.event.sealed_key is None


def test_an_admin_who_publishes_for_it_is_held_to_it(aws: Aws, discreet: Intake) -> None:
    sent = submission(source="planner", payload={"email": EMAIL})
    assert EMAIL not in stored(aws, discreet.take(sent, AN_ADMIN))


def test_members_that_an_event_marks_are_sealed_as_well(aws: Aws, discreet: Intake) -> None:
    sent = submission(payload={"email": EMAIL, "name": "Ada Lovelace"}, sensitive=["/name"])
    kept = stored(aws, discreet.take(sent, PLANNER))
    assert EMAIL not in kept
    assert "Ada Lovelace" not in kept


def test_a_repeated_request_is_known_whatever_it_was_sealed_by(aws: Aws, discreet: Intake) -> None:
    sent = submission(id="evt_own", payload={"email": EMAIL})
    first = discreet.take(sent, PLANNER)
    elsewhere = replace(discreet, seal=PayloadSeal(DataKeys(aws.kms, aws.sealing_key)))
    again = elsewhere.take(sent, PLANNER)
    assert (again.repeated, again.event) == (True, first.event)
    with pytest.raises(Conflict):
        elsewhere.take({**sent, "payload": {"email": "eve@example.com"}}, PLANNER)
    with pytest.raises(Conflict):
        elsewhere.take({**sent, "payload": {"email": {"$encrypted": True}}}, PLANNER)


def test_marks_are_no_part_of_the_content(intake: Intake) -> None:
    sent = submission(id="evt_own", payload={"email": EMAIL})
    assert not intake.take(sent, PLANNER).repeated
    assert intake.take({**sent, "sensitive": True}, PLANNER).repeated


def test_one_that_cannot_be_sealed_is_not_stored(aws: Aws, discreet: Intake) -> None:
    sent = [
        submission(id="evt_own", payload={"email": EMAIL}),
        submission("task.closed", payload={}),
    ]
    with not_sent(aws.kms, "GenerateDataKey"):
        assert statuses(discreet.take_all(sent, PLANNER)) == [503, 202]
    assert aws.events.get("evt_own") is None
    assert statuses(discreet.take_all(sent[:1], PLANNER)) == [202]
