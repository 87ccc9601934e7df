"""Payloads are opened just before they are handed over, each for itself."""

from dataclasses import replace

import orjson
import pytest
from event_bus.access.known_publishers import KnownPublishers
from event_bus.access.payload_readers import PayloadReaders
from event_bus.encryption.data_keys import DataKeys
from event_bus.encryption.payload_seal import PayloadSeal
from event_bus.model.delivery import DeliveryKey
from event_bus.model.event import Event
from event_bus.model.outcome import Outcome
from event_bus.model.schemas import SchemaVersion
from event_bus.targets.opening import OpeningTransport
from event_bus.targets.transport import DeliveryRequest
from event_bus.targets.upcasting import Upcaster

from tests.aws import Aws
from tests.builders import event, publisher, subscription
from tests.faults import broken, not_sent
from tests.unit.event_bus.targets.kept import Kept

PAYLOAD = {"email": "ada@example.com"}
REFUSED = Outcome("http_status", "the subscriber answered 500", 500, "an echo")


@pytest.fixture
def kept() -> Kept:
    return Kept(REFUSED)


@pytest.fixture
def opening(aws: Aws, kept: Kept) -> OpeningTransport:
    registered = replace(publisher("planner"), sensitive_readers=["billing"])
    publishers = KnownPublishers({"planner": registered}.get)
    seal = PayloadSeal(DataKeys(aws.kms, aws.sealing_key))
    return OpeningTransport(kept, PayloadReaders(seal, publishers), aws.upcaster)


def request(made: Event, service_id: str) -> DeliveryRequest:
    return DeliveryRequest(DeliveryKey(made.id, "sub_1"), made, subscription(service_id=service_id))


def closed(aws: Aws, event_id: str = "evt_1") -> Event:
    return aws.seal.close(event(event_id, payload=PAYLOAD), ["/email"])


def test_each_is_opened_for_its_own_subscriber(
    aws: Aws, opening: OpeningTransport, kept: Kept
) -> None:
    sent = [request(closed(aws), "billing"), request(closed(aws), "mailer")]
    sent.append(request(event(payload={"n": 1}), "mailer"))
    outcomes = opening.deliver(sent)
    shown = [orjson.loads(each.event.payload or b"") for each in kept.requests]
    assert shown == [PAYLOAD, {"email": {"$encrypted": True}}, {"n": 1}]
    # An answer that repeats opened values is not kept.
    assert outcomes == [replace(REFUSED, response=""), REFUSED, REFUSED]
    assert opening.batch_key(sent[0]) == "sub_1"


def test_one_that_does_not_open_holds_up_no_other(
    aws: Aws, opening: OpeningTransport, kept: Kept
) -> None:
    moved = replace(closed(aws, "evt_1"), id="evt_2")
    outcomes = opening.deliver([request(moved, "billing"), request(closed(aws), "billing")])
    assert [each.code for each in outcomes] == ["payload_not_opened", "http_status"]
    # The circuit of the subscriber counts the second one alone.
    assert [each.unsent for each in outcomes] == [True, False]
    assert [each.event.id for each in kept.requests] == ["evt_1"]


def test_a_payload_that_kms_did_not_open_is_retried(
    aws: Aws, opening: OpeningTransport, kept: Kept
) -> None:
    sent = [request(closed(aws), "billing")]
    with not_sent(aws.kms, "Decrypt"):
        [outcome] = opening.deliver(sent)
    assert (outcome.code, outcome.client_error) == ("payload_not_opened", False)
    assert kept.requests == []
    opening.deliver(sent)
    assert len(kept.requests) == 1


def test_an_event_is_brought_to_the_version_that_its_subscription_asks_for(
    aws: Aws, opening: OpeningTransport, kept: Kept
) -> None:
    versions = {2: '{"mail": email}', 3: "$error('no')"}

    def version(event_type: str, number: int) -> SchemaVersion:
        return SchemaVersion(event_type, number, True, upcast=versions[number])

    bringing = replace(opening, upcaster=Upcaster(version))
    old = replace(closed(aws), schema_version=1)
    sent = [
        replace(asked, subscription=replace(asked.subscription, schema_version=wanted))
        for asked in (request(old, "billing"), request(old, "mailer"))
        for wanted in (2, 3)
    ]
    outcomes = bringing.deliver(sent)

    # An expression sees what the subscriber may see.
    shown = [orjson.loads(each.event.payload or b"") for each in kept.requests]
    assert shown == [{"mail": PAYLOAD["email"]}, {"mail": {"$encrypted": True}}]
    assert [each.code for each in outcomes[1::2]] == ["upcast_failed"] * 2
    assert all(each.unsendable for each in outcomes[1::2])


def test_an_event_whose_schema_cannot_be_read_is_retried(
    opening: OpeningTransport, kept: Kept
) -> None:
    def unread(_: str, __: int) -> SchemaVersion | None:
        raise broken()

    asked = request(replace(event(payload={"n": 1}), schema_version=1), "mailer")
    asked = replace(asked, subscription=replace(asked.subscription, schema_version=2))
    [outcome] = replace(opening, upcaster=Upcaster(unread)).deliver([asked])
    assert (outcome.code, outcome.unsendable, kept.requests) == ("schema_not_read", False, [])
