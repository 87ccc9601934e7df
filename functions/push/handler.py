"""Pushes what comes into inboxes to the clients that are connected (their table's stream)."""

from typing import Any

from event_bus.runtime.sockets import deployed_pusher

_pusher = deployed_pusher()


def handler(event: dict[str, Any], _context: object) -> None:
    """Takes new entries of inboxes; where it fails, Lambda brings the batch again."""
    places: dict[str, int] = {}
    for record in event["Records"]:
        key = record["dynamodb"]["Keys"]
        subscription_id, place = key["subscription_id"]["S"], int(key["position"]["N"])
        places[subscription_id] = max(place, places.get(subscription_id, 0))
    _pusher.push_all(places)
