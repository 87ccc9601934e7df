"""A publisher is read once in a while, and again before its service is refused."""

from dataclasses import replace

from event_bus.access.known_publishers import CACHE_SECONDS, RESERVED_NAMES, KnownPublishers
from event_bus.model.publisher import Publisher

from tests.builders import publisher
from tests.clock import Clock


class Register:
    """Publishers, and which were looked for."""

    def __init__(self, *publishers: Publisher) -> None:
        self.publishers = {each.service_id: each for each in publishers}
        self.looks: list[str] = []

    def find(self, service_id: str) -> Publisher | None:
        self.looks.append(service_id)
        return self.publishers.get(service_id)


def renamed(each: Publisher) -> bool:
    return each.name == "renamed"


def test_the_names_of_the_bus_are_reserved() -> None:
    assert {"admin", "eventbus"} == RESERVED_NAMES


def test_each_publisher_is_read_once_in_a_while() -> None:
    register, clock = Register(publisher("planner"), publisher("tasks")), Clock()
    known = KnownPublishers(register.find, clock)
    for _ in range(2):
        assert known.of("planner") == publisher("planner")
        assert known.of("tasks") == publisher("tasks")
        assert known.of("nobody") is None
    assert register.looks == ["planner", "tasks", "nobody"]
    register.publishers["planner"] = replace(publisher("planner"), name="renamed")
    clock.now += CACHE_SECONDS - 0.1
    assert known.of("planner") == publisher("planner")
    clock.now += 0.1
    assert known.of("planner") == register.publishers["planner"]


def test_a_condition_that_fails_is_tried_on_what_is_registered_now() -> None:
    register = Register(publisher("planner"), replace(publisher("tasks"), name="renamed"))
    known = KnownPublishers(register.find, Clock())
    assert not known.satisfies("planner", renamed)
    assert not known.satisfies("nobody", renamed)
    assert known.satisfies("tasks", renamed)
    register.publishers["planner"] = replace(publisher("planner"), name="renamed")
    assert known.satisfies("planner", renamed)
    assert register.looks == ["planner", "nobody", "tasks", "planner"]
    # What was read then is cached, for other conditions and other questions, too.
    assert known.satisfies("planner", renamed)
    assert known.of("planner") == register.publishers["planner"]
    assert register.looks == ["planner", "nobody", "tasks", "planner"]
