"""Promises for overlapping operations, in addition to the general ones.

These courses have no faults and no message that comes twice, so that they can ask for more than the
checker does.
"""

from collections import Counter
from typing import Any

import orjson

from tests.simulation.known import ReceivedAttempt, Violation
from tests.simulation.overlapping_world import OverlappingWorld

_REMOVED = (204, 200)
_UNSENT = "enrichment_failed"
_UNREGISTER = "DELETE /publishers/{id}"


def check_failures(world: OverlappingWorld) -> None:
    """Checks that consecutive failures are really consecutive.

    A function records its attempts for the circuit when its call ends. If two calls overlap, it is
    not certain which of them recorded its attempts first. Failures do not count until every
    function knows of the circuit.
    """
    for subscription_id, circuit in _circuits(world):
        attempts = [
            receipt
            for subscriber in world.subscribers.values()
            for receipt in subscriber.log
            if receipt.key.subscription_id == subscription_id
        ]
        counted = 0 if circuit["known_at"] else circuit["consecutive"] - circuit["early"]
        if counted and not any(
            counted <= _most_in_a_row(attempts, place)
            for place, each in enumerate(attempts)
            if not each.taken
        ):
            raise Violation(f"{counted} failures in a row were not made")


def _most_in_a_row(attempts: list[ReceivedAttempt], place: int) -> int:
    """The most failures that may be reported in a row, if a certain one is the last of them."""
    last = attempts[place]
    earlier = [
        (at, each)
        for at, each in enumerate(attempts[:place])
        if each.taken and _reported_before(each, last)
    ]
    return sum(
        not each.taken
        and not (at > place and _reported_before(last, each))
        and not any(at < later and _reported_before(each, taken) for later, taken in earlier)
        for at, each in enumerate(attempts)
    )


def _reported_before(first: ReceivedAttempt, second: ReceivedAttempt) -> bool:
    """Whether an attempt was certainly reported before a later one."""
    if first.call is None or second.call is None or first.call is second.call:
        return True
    return first.call.precedes(second.call)


def check_probes(world: OverlappingWorld) -> None:
    """Checks, when no operation runs, that every permit to probe was used or given back."""
    for subscription_id, circuit in _circuits(world):
        if circuit["state"] == "half_open" and circuit["until"] > world.now:
            raise Violation(f"the permit of {subscription_id} is lost")


def check_overlaps(world: OverlappingWorld) -> None:
    """Checks the promises for overlaps after the world has settled."""
    _check_attempts(world)
    _check_removals(world)
    _check_keys(world)


def _check_attempts(world: OverlappingWorld) -> None:
    made = Counter(
        receipt.key for subscriber in world.subscribers.values() for receipt in subscriber.log
    )
    for key, count in made.items():
        if key.subscription_id in world.gone:
            # A function with an older cached state may deliver what another has dropped.
            continue
        replay = f"#{key.replay_id}" if key.replay_id else ""
        stored = world.tables.items["deliveries"][key.event_id, key.subscription_id + replay]
        if stored.get("error_code", {}).get("S") == "discarded":
            # A person may discard what a function is about to attempt.
            continue
        # An attempt fails without a request if the event cannot be enriched.
        log = orjson.loads(stored["attempt_log"]["S"])
        recorded = int(stored["attempts"]["N"]) - sum(each["code"] == _UNSENT for each in log)
        if recorded != count:
            raise Violation(f"{key}: {count} attempts, {recorded} on record")


def _check_removals(world: OverlappingWorld) -> None:
    for (request, status), count in world.answers.items():
        route, _, name = request.rpartition(" ")
        # A service may be registered and removed again.
        most = world.answers[f"registered {name}", 201] if route == _UNREGISTER else 1
        if route.startswith("DELETE") and status in _REMOVED and count > most:
            raise Violation(f"{request} was answered {status} {count} times")


def _check_keys(world: OverlappingWorld) -> None:
    if any(
        request.startswith("DELETE /publishers/{id}/keys/") and status == 204
        for request, status in world.answers
    ):
        # Somebody may have revoked the last one.
        return
    with_keys = {
        item.get("service_id", {}).get("S") for item in world.tables.items["keys"].values()
    }
    for item in world.tables.items["subscriptions"].values():
        if item["service_id"]["S"] not in with_keys:
            raise Violation(f"{item['service_id']['S']} has subscriptions and no key")


def _circuits(world: OverlappingWorld) -> list[tuple[str, dict[str, Any]]]:
    return [
        (subscription_id, orjson.loads(item["document"]["S"]))
        for (subscription_id,), item in world.tables.items["circuits"].items()
        # The circuits of sources are named after the subscription and the part.
        if "document" in item and "#" not in subscription_id
    ]
