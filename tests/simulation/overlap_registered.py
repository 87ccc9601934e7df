"""Promises for overlapping registrations: each was created once, and no limit is exceeded."""

from collections import Counter
from collections.abc import Iterator

import orjson

from tests.simulation.known import Violation
from tests.simulation.overlap_registrations import (
    MOST_ENTRIES,
    MOST_KEYS,
    MOST_MODELS,
    MOST_REDUCERS,
    MOST_TYPES,
    MOST_VERSIONS,
    SERVICE,
    RegistrationOperations,
)
from tests.simulation.overlapping_world import OverlappingWorld


def check_registrations(course: RegistrationOperations) -> None:
    """Checks that each name was created and removed by turns, and that limits hold.

    What exists was created once more than it was removed. So of several requests at once, one alone
    was answered that it did it.
    """
    found = set(_existing(course.world))
    for name in {*course.created, *course.removed, *found}:
        count = course.created[name] - course.removed[name]
        if count != (name in found):
            raise Violation(
                f"{name} was created {course.created[name]} times, and removed "
                f"{course.removed[name]} times"
            )


def check_limits(world: OverlappingWorld) -> None:
    """Checks that no limit is exceeded, and that the stored counts are exact."""
    for kind, most, counted in (
        ("reducers", MOST_REDUCERS, _by_source(world, "reducers", ("reducer",))),
        ("read models", MOST_MODELS, _by_source(world, "models", ("serving", "building"))),
        ("entries", MOST_ENTRIES, _entries(world)),
        ("types with schemas", MOST_TYPES, Counter("all" for _ in _types(world))),
        ("keys", MOST_KEYS, _keys(world)),
    ):
        for service, count in counted.items():
            if count > most:
                raise Violation(f"{service} has {count} {kind}, and may have {most}")
    _check_counts(world)


def _check_counts(world: OverlappingWorld) -> None:
    entries = _entries(world)
    for (partition, key), item in world.tables.items["contexts"].items():
        if _is_count(partition, key) and int(item["entries"]["N"]) != entries[partition[:-1]]:
            raise Violation(f"{partition} has {entries[partition[:-1]]} entries: {item}")
    lasting: Counter[str] = Counter()
    listeners: Counter[str] = Counter()
    for item in world.tables.items["subscriptions"].values():
        (listeners if "ends_at" in item else lasting)[item["service_id"]["S"]] += 1
    for (log, _), item in world.tables.items["changes"].items():
        service = log.removeprefix("subscriptions of ")
        if service != log and (
            int(item["subscriptions"]["N"]),
            int(item["listeners"]["N"]),
        ) != (lasting[service], listeners[service]):
            raise Violation(f"{log} {lasting[service]} and {listeners[service]} exist: {item}")


def _existing(world: OverlappingWorld) -> Iterator[str]:
    """Yields the names of what exists of the services of these operations."""
    yield from _existing_states(world)
    for event_type, versions in _types(world):
        yield from (f"schema {event_type} {each}" for each in versions)
    for (right,) in world.tables.items["rights"]:
        if right.startswith("grant#"):
            yield f"right {right.removeprefix('grant#')}"
    for (subscription_id,) in world.tables.items["subscriptions"]:
        if subscription_id.startswith(f"{SERVICE}."):
            yield f"subscription {subscription_id}"


def _existing_states(world: OverlappingWorld) -> Iterator[str]:
    for partition, what, members in (
        ("reducers", "reducers", ("reducer",)),
        ("models", "read-models", ("serving", "building")),
    ):
        for name in _registered(world, partition, members):
            service, _, category = name.partition("#")
            if service == SERVICE:
                yield f"{what} {category}"
    for partition, key in world.tables.items["contexts"]:
        service, _, context = partition.partition("/")
        if service == SERVICE and not _is_count(partition, key):
            yield f"entry {context} {key}"


def _registered(world: OverlappingWorld, partition: str, members: tuple[str, ...]) -> Iterator[str]:
    for (kind, name), item in world.tables.items["states"].items():
        if kind == partition:
            document = orjson.loads(item["document"]["S"])
            if any(document[each] for each in members):
                yield name


def _by_source(world: OverlappingWorld, partition: str, members: tuple[str, ...]) -> Counter[str]:
    return Counter(name.partition("#")[0] for name in _registered(world, partition, members))


def _entries(world: OverlappingWorld) -> Counter[str]:
    return Counter(
        partition.partition("/")[0]
        for partition, key in world.tables.items["contexts"]
        if not _is_count(partition, key)
    )


def _is_count(partition: str, key: str) -> bool:
    return partition.endswith("/") and key == "entries"


def _types(world: OverlappingWorld) -> Iterator[tuple[str, list[int]]]:
    """Yields the types that have schemas, and the numbers of their versions."""
    for (name,), item in world.tables.items["publishers"].items():
        if name.startswith("schema#") and "kind" in item:
            versions = orjson.loads(item["document"]["S"])["versions"]
            if len(versions) > MOST_VERSIONS:
                raise Violation(f"{name} has {len(versions)} versions")
            if [each["number"] for each in versions] != list(range(1, len(versions) + 1)):
                raise Violation(f"{name} has the versions {versions}")
            if live := [each["number"] for each in versions if each["deleted_at"] is None]:
                yield name.removeprefix("schema#"), live


def _keys(world: OverlappingWorld) -> Counter[str]:
    return Counter(
        item["service_id"]["S"]
        for item in world.tables.items["keys"].values()
        if "service_id" in item and not world.has_expired(item)
    )
