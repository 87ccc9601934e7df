"""Requests to URLs are signed with the secrets of the subscription."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, cast

from event_bus.encryption.signing_secrets import SecretNotOpened
from event_bus.encryption.webhook_signatures import new_secret
from event_bus.enrichment.http import HttpAsker
from event_bus.model.delivery import DeliveryKey
from event_bus.model.outcome import Outcome
from event_bus.model.subscription import SealedSecret, Subscription
from event_bus.targets.shaping import event_parts
from event_bus.targets.transport import DeliveryRequest
from standardwebhooks.webhooks import Webhook

from tests.builders import event, subscription
from tests.unit.event_bus.enrichment.sources import HTTP, World


def test_a_url_is_asked_with_the_signature_of_the_subscription() -> None:
    world, secret = World([b"1", b"1"]), new_secret()
    world.enriched(price=HTTP)
    assert not [name for name in world.headers if name.startswith("webhook-")]
    asker = HttpAsker(cast("Any", world), lambda _: [secret])
    to = subscription(enrichment={"price": HTTP}, signing_secrets=(SealedSecret("sealed"),))
    parts = event_parts(DeliveryRequest(DeliveryKey("evt_1", to.id), event(payload={"sku": 1}), to))
    asker.question(HTTP, to, parts).ask()
    assert world.headers["webhook-id"] == "evt_1"
    sent_at = datetime.fromtimestamp(int(world.headers["webhook-timestamp"]), tz=UTC)
    # Made by a library that others wrote.
    expected = Webhook(secret).sign("evt_1", sent_at, "")
    assert world.headers["webhook-signature"] == expected


def test_a_signing_secret_that_cannot_be_read_is_asked_for_again() -> None:
    world = World([b"7"])
    asked: list[str] = []

    def secrets(of: Subscription) -> list[str]:
        asked.append(of.id)
        if len(asked) == 1:
            raise SecretNotOpened("KMS did not open the signing secret")
        return [new_secret()]

    world.enricher.askers = {"http": HttpAsker(cast("Any", world), secrets)}
    to = subscription(enrichment={"price": HTTP}, signing_secrets=(SealedSecret("sealed"),))
    sent, key = event(payload={"sku": 1}), DeliveryKey("evt_1", to.id)
    assert world.enricher.enriched(key, sent, to) == b'{"price":7}'
    assert asked == ["sub_1", "sub_1"]
    never = replace(to, enrichment={"price": replace(HTTP, retries=0)})
    asked.clear()
    outcome = world.enricher.enriched(key, sent, never)
    assert isinstance(outcome, Outcome)
    assert outcome.message == "price: KMS did not open the signing secret"


def test_a_damaged_signing_secret_is_not_asked_for_again() -> None:
    asked: list[str] = []

    def secrets(of: Subscription) -> list[str]:
        asked.append(of.id)
        raise SecretNotOpened("the sealed signing secret is damaged", damaged=True)

    world = World()
    world.enricher.askers = {"http": HttpAsker(cast("Any", world), secrets)}
    to = subscription(enrichment={"price": HTTP}, signing_secrets=(SealedSecret("sealed"),))
    outcome = world.enricher.enriched(DeliveryKey("evt_1", to.id), event(payload={"sku": 1}), to)
    assert isinstance(outcome, Outcome)
    assert outcome.message == "price: the sealed signing secret is damaged"
    assert asked == ["sub_1"]
