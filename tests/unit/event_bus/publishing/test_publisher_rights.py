"""A service publishes what it registered for, as itself."""

from dataclasses import replace

import pytest
from event_bus.access.known_publishers import CACHE_SECONDS, KnownPublishers
from event_bus.errors import Fault, Forbidden
from event_bus.model.publisher import Publisher
from event_bus.model.stream_name import StreamName
from event_bus.publishing.publisher_rights import PublisherRights

from tests.builders import AN_ADMIN, publisher, service
from tests.clock import Clock
from tests.refusals import pointers


class Register:
    """Publishers, and how often one was looked for."""

    def __init__(self, *publishers: Publisher) -> None:
        self.publishers = {each.service_id: each for each in publishers}
        self.looks = 0

    def find(self, service_id: str) -> Publisher | None:
        self.looks += 1
        return self.publishers.get(service_id)


def test_a_service_publishes_as_itself() -> None:
    rights = PublisherRights(KnownPublishers(Register().find))
    assert rights.source_of(service("planner"), None, "") == "planner"
    assert rights.source_of(service("planner"), "planner", "") == "planner"


def test_a_service_does_not_publish_as_another() -> None:
    with pytest.raises(Forbidden) as refusal:
        PublisherRights(KnownPublishers(Register().find)).source_of(
            service("planner"), "other", "/3"
        )
    said = "must be planner, whose key was sent, or left out"
    assert [*refusal.value.faults] == [Fault("/3/source", said)]
    assert refusal.value.detail == f"/3/source {said}."
    assert refusal.value.reason == "other_service"


def test_an_admin_publishes_as_anyone() -> None:
    rights = PublisherRights(KnownPublishers(Register().find))
    assert rights.source_of(AN_ADMIN, "planner", "") == "planner"
    assert rights.source_of(AN_ADMIN, None, "") == "admin"


def test_a_registered_type_is_permitted() -> None:
    rights = PublisherRights(
        KnownPublishers(Register(publisher("planner", "task.*", "role.made")).find)
    )
    for permitted in ("task.created", "task.created.late", "role.made"):
        rights.check(service("planner"), permitted, "")


@pytest.mark.parametrize("event_type", ["task", "role.made", "tasks.created"])
def test_any_other_type_is_refused(event_type: str) -> None:
    rights = PublisherRights(KnownPublishers(Register(publisher("planner", "task.*")).find))
    with pytest.raises(Forbidden) as refusal:
        rights.check(service("planner"), event_type, "/3")
    said = f"planner is not registered to publish {event_type}"
    assert [*refusal.value.faults] == [Fault("/3/type", said)]
    assert refusal.value.detail == f"/3/type: {said}."
    assert refusal.value.reason == "event_type"


def test_an_unregistered_service_publishes_nothing() -> None:
    with pytest.raises(Forbidden):
        PublisherRights(KnownPublishers(Register().find)).check(
            service("planner"), "task.created", ""
        )


def test_an_admin_publishes_any_type_without_a_look() -> None:
    register = Register()
    PublisherRights(KnownPublishers(register.find)).check(AN_ADMIN, "task.created", "")
    assert register.looks == 0


@pytest.mark.parametrize("event_type", ["eventbus", "eventbus.subscription.changed"])
def test_the_types_of_the_bus_are_its_own(event_type: str) -> None:
    rights = PublisherRights(KnownPublishers(Register(publisher("planner", "*")).find))
    for caller in (AN_ADMIN, service("planner")):
        with pytest.raises(Forbidden) as refusal:
            rights.check(caller, event_type, "")
        assert pointers(refusal) == ["/type"]
    rights.check(service("planner"), "eventbus2.x", "")


def test_a_permission_is_cached() -> None:
    register, clock = Register(publisher("planner")), Clock()
    rights = PublisherRights(KnownPublishers(register.find, clock))
    rights.check(service("planner"), "task.created", "")
    register.publishers.clear()
    clock.now += CACHE_SECONDS - 0.1
    rights.check(service("planner"), "task.closed", "")
    assert register.looks == 1


def test_a_removal_applies_after_the_caching_time() -> None:
    register, clock = Register(publisher("planner")), Clock()
    rights = PublisherRights(KnownPublishers(register.find, clock))
    rights.check(service("planner"), "task.created", "")
    register.publishers.clear()
    clock.now += CACHE_SECONDS
    with pytest.raises(Forbidden):
        rights.check(service("planner"), "task.created", "")


def test_a_refusal_is_checked_again() -> None:
    register = Register(publisher("planner", "task.*"))
    rights = PublisherRights(KnownPublishers(register.find, Clock()))
    rights.check(service("planner"), "task.created", "")
    register.publishers["planner"] = publisher("planner", "task.*", "role.*")
    rights.check(service("planner"), "role.made", "")


def test_a_removal_that_was_seen_acts_at_once() -> None:
    register = Register(publisher("planner", "task.*"))
    rights = PublisherRights(KnownPublishers(register.find, Clock()))
    rights.check(service("planner"), "task.created", "")
    register.publishers.clear()
    for event_type in ("role.made", "task.created"):
        with pytest.raises(Forbidden):
            rights.check(service("planner"), event_type, "")


@pytest.mark.parametrize(
    "event_id", ["shop:order-1", "shop:order:1", "admin:1", "eventbus:disabled_sub_1_1"]
)
def test_an_id_that_begins_with_another_services_name_is_refused(event_id: str) -> None:
    register = Register(publisher("shop"), publisher("planner"))
    rights = PublisherRights(KnownPublishers(register.find))
    with pytest.raises(Forbidden) as refusal:
        rights.check_id("planner", event_id, "/2")
    owner = event_id.partition(":")[0]
    said = f"ids that begin with {owner}: belong to the service {owner}"
    assert [*refusal.value.faults] == [Fault("/2/id", said)]
    assert refusal.value.detail == f"/2/id: {said}."
    assert refusal.value.reason == "other_service"


@pytest.mark.parametrize(
    ("event_id", "looks"),
    [
        *((None, 0), ("order-1", 0), ("planner:1", 0), ("shop", 0)),
        *(("shop_2:1", 1), ("nobody:1", 1), ("order:shop:1", 1)),
    ],
)
def test_any_other_id_may_be_chosen(event_id: str | None, looks: int) -> None:
    register = Register(publisher("shop"), publisher("planner"))
    PublisherRights(KnownPublishers(register.find)).check_id("planner", event_id, "")
    # Other services are looked for only where an id may belong to one.
    assert register.looks == looks


def test_an_admin_may_publish_the_ids_of_a_service_as_that_service() -> None:
    rights = PublisherRights(KnownPublishers(Register(publisher("shop")).find))
    rights.check_id(rights.source_of(AN_ADMIN, "shop", ""), "shop:1", "")
    with pytest.raises(Forbidden):
        rights.check_id(rights.source_of(AN_ADMIN, None, ""), "shop:1", "")


def test_a_service_appends_to_the_categories_that_its_registration_lists() -> None:
    listed = replace(publisher("planner", "*"), stream_categories=["task", "role"])
    rights = PublisherRights(KnownPublishers(Register(listed, publisher("other", "*")).find))
    for stream_id in ("task/1", "role", "task/a/b"):
        rights.check_stream(service("planner"), StreamName("planner", stream_id), "/stream/id")
    for stream_id in ("tasks/1", "Task/1", "order/task/1"):
        with pytest.raises(Forbidden) as refusal:
            rights.check_stream(service("planner"), StreamName("planner", stream_id), "/stream/id")
        category = stream_id.partition("/")[0]
        said = f"planner is not registered to append to streams of {category}"
        assert [*refusal.value.faults] == [Fault("/stream/id", said)]
        assert refusal.value.detail == f"/stream/id: {said}."
        assert refusal.value.reason == "stream_category"
    # Without a list, or a stream, nothing is refused; nor is an admin.
    rights.check_stream(service("other"), StreamName("other", "order/1"), "/stream/id")
    rights.check_stream(service("planner"), None, "/stream/id")
    rights.check_stream(AN_ADMIN, StreamName("planner", "order/1"), "/stream/id")


def test_what_is_sensitive_is_what_the_source_has_marked() -> None:
    marking = replace(publisher("shop"), sensitive={"order.*": ["/email"]})
    rights = PublisherRights(KnownPublishers(Register(marking, publisher("planner")).find))
    assert rights.sensitive_in("shop", "order.placed") == ["/email"]
    assert rights.sensitive_in("shop", "task.created") == []
    assert rights.sensitive_in("planner", "order.placed") == []
    assert rights.sensitive_in("unknown", "order.placed") == []


def test_the_categories_that_are_kept_are_those_of_the_streams_own_source() -> None:
    keeping = replace(publisher("planner", "*"), kept_stream_categories=["task"])
    rights = PublisherRights(KnownPublishers(Register(keeping, publisher("other", "*")).find))
    for source, stream_id, kept in (
        ("planner", "task/1", True),
        ("planner", "task", True),
        ("planner", "tasks/1", False),
        ("planner", "order/task/1", False),
        ("other", "task/1", False),
        ("unknown", "task/1", False),
    ):
        assert rights.keeps(StreamName(source, stream_id)) is kept, (source, stream_id)
    assert not rights.keeps(None)
