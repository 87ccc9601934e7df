"""The items of the table of subscriptions."""

from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any

import orjson

from event_bus.model.enrichment import read_enrichment
from event_bus.model.followed_streams import FollowedStreams
from event_bus.model.retry_policy import RetryPolicy
from event_bus.model.subscription import SealedSecret, Subscription
from event_bus.model.target import TargetTypes
from event_bus.stored import restored
from event_bus.stores.items import Item, document, number, text
from event_bus.transforms.transform import read_transform

KIND = "subscription"
"""The partition of the index `by_kind`."""

ENDING = "by_itself"
"""The partition of the index `by_end`."""


def subscription_item(subscription: Subscription) -> Item:
    """Returns the item of a subscription."""
    kept = asdict(replace(subscription, ends_at=None))
    kept["target"] = subscription.target.stored()
    # Beside the document: functions of an earlier version, which may run at the same time, know no
    # such member of a target.
    external_id = kept["target"].pop("external_id", None)
    item: Item = {
        "id": text(subscription.id),
        "kind": text(KIND),
        "service_id": text(subscription.service_id),
        "version": number(subscription.version),
        "document": document(kept),
    }
    if external_id is not None:
        item["external_id"] = text(external_id)
    if subscription.ends_at is not None:
        item |= {"ending": text(ENDING), "ends_at": number(subscription.ends_at)}
    return item


def read_subscription(item: Mapping[str, Any], targets: TargetTypes) -> Subscription:
    """Returns the subscription of an item."""
    members = orjson.loads(item["document"]["S"])
    if policy := members.get("retry_policy"):
        members["retry_policy"] = restored(RetryPolicy, policy)
    if "external_id" in item:
        members["target"]["external_id"] = item["external_id"]["S"]
    members["target"] = targets.read(members["target"])
    for name, reader in (("transform", read_transform), ("enrichment", read_enrichment)):
        if kept := members.get(name):
            members[name] = reader(kept)
    if stream := members.get("stream"):
        members["stream"] = restored(FollowedStreams, stream)
    members["signing_secrets"] = tuple(
        restored(SealedSecret, each) for each in members["signing_secrets"]
    )
    if "ends_at" in item:
        members["ends_at"] = int(item["ends_at"]["N"])
    return restored(Subscription, members)
