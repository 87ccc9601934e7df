"""Sensitive values are shown to their publisher, to the readers that it names, and to admins."""

from dataclasses import replace

import orjson
import pytest
from event_bus.access.known_publishers import CACHE_SECONDS, KnownPublishers
from event_bus.access.payload_readers import PayloadReaders
from event_bus.encryption.payload_seal import NotOpened
from event_bus.model.event import Event
from event_bus.model.publisher import Publisher

from tests.aws import Aws
from tests.builders import AN_ADMIN, event, publisher, service
from tests.clock import Clock

PAYLOAD = {"email": "ada@example.com"}


class Register:
    """A publisher that lets others read."""

    def __init__(self, *readers: str) -> None:
        self.readers = list(readers)

    def find(self, service_id: str) -> Publisher | None:
        if service_id != "planner":
            return None
        return replace(publisher("planner"), sensitive_readers=self.readers)


@pytest.fixture
def closed(aws: Aws) -> Event:
    return aws.seal.close(event(payload=PAYLOAD), ["/email"])


def readable(shown: Event) -> bool:
    return bool(orjson.loads(shown.payload or b"") == PAYLOAD)


def test_named_readers_read_sensitive_values(aws: Aws, closed: Event) -> None:
    readers = PayloadReaders(aws.seal, KnownPublishers(Register("billing").find))
    may = {
        each: readable(readers.shown(closed, service(each)))
        for each in ("planner", "billing", "mailer", "")
    }
    assert may == {"planner": True, "billing": True, "mailer": False, "": False}
    assert readable(readers.shown(closed, AN_ADMIN))
    # By its service: the name `admin` is no service here.
    assert not readable(readers.opened(closed, "admin"))


def test_a_publisher_reads_its_own_when_it_is_none_any_more(aws: Aws) -> None:
    readers = PayloadReaders(aws.seal, KnownPublishers(Register("billing").find))
    gone = aws.seal.close(event(source="gone", payload=PAYLOAD), ["/email"])
    assert readable(readers.opened(gone, "gone"))
    assert not readable(readers.opened(gone, "billing"))


def test_a_grant_that_ends_counts_soon(aws: Aws, closed: Event) -> None:
    register, clock = Register("billing"), Clock()
    readers = PayloadReaders(aws.seal, KnownPublishers(register.find, clock))
    assert readable(readers.opened(closed, "billing"))
    register.readers.clear()
    clock.now += CACHE_SECONDS
    assert not readable(readers.opened(closed, "billing"))


def test_a_changed_payload_is_shown_with_markers_and_not_delivered(aws: Aws, closed: Event) -> None:
    readers = PayloadReaders(aws.seal, KnownPublishers(Register("billing").find))
    moved = replace(closed, id="evt_2")
    for caller in (AN_ADMIN, service("planner"), service("billing")):
        assert readers.shown(moved, caller) is moved
    with pytest.raises(NotOpened):
        readers.opened(moved, "billing")


def test_a_large_one_in_a_list_stays_without_its_payload(aws: Aws, closed: Event) -> None:
    for sealed in (None, closed.sealed):
        listed = replace(closed, payload=None, sealed=sealed)
        assert aws.readers.shown(listed, AN_ADMIN) is listed
