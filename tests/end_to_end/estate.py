"""Everything that one service can have on the bus, and every kind of key."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from event_bus.model.api_keys import generate_key
from event_bus.model.scopes import SCOPES
from event_bus_client import Conflict, EventBus, path

from tests.end_to_end.receiver import eventually
from tests.end_to_end.world import Client, World

DEAD_LETTERS = 4

CONTEXT = "customers"
"""The context that the owner keeps."""


@dataclass(frozen=True)
class EstateKeys:
    """The keys for requests.

    Attributes:
        only: Keys of the owner that permit one scope, by this scope.
        but: Keys of the owner that permit all scopes but one, by this scope.
        bad: Invalid keys, by their fault.
        token: A stream token of the owner.
        stranger: A key of another service, which has subscriptions too.
    """

    only: dict[str, str]
    but: dict[str, str]
    bad: dict[str, str]
    token: str
    stranger: str


@dataclass(frozen=True)
class Estate:
    """The resources of the owner.

    Attributes:
        world: The bus.
        owner: Its client, whose key permits everything.
        domain: The first segment of the types that it publishes.
        event_id: An event that it published.
        subscription_id: A subscription whose events are pulled; one of them waits.
        dead_letters: Ids of dead letters.
        keys: The keys.
    """

    world: World
    owner: Client
    domain: str
    event_id: str
    subscription_id: str
    dead_letters: list[str]
    keys: EstateKeys

    @property
    def bus(self) -> EventBus:
        """The client of the owner."""
        return self.owner.bus

    def subscription(self) -> str:
        """A new subscription."""
        return str(self.bus.subscriptions.create(**self.registration())["id"])

    def stream(self) -> None:
        """Adds to two event streams of the owner."""
        batch = [
            {"type": f"{self.domain}.created", "payload": {}, "stream": {"id": f"estate/{number}"}}
            for number in (1, 2)
        ]
        self.owner.publish_all(batch)

    def chosen_id(self) -> str:
        """Returns an unused id that the owner may choose for a subscription."""
        return f"{self.owner.service_id}.{uuid4().hex}"

    def granted(self) -> str:
        """Gives the owner all types to receive; returns its name."""
        place = path("/subscribers/{}", self.owner.service_id)
        self.world.admin.bus.call("PUT", place, body={"event_types": ["*"]})
        return self.owner.service_id

    def webhook(self) -> str:
        """A new subscription whose deliveries are signed."""
        receiver = self.world.receiver()
        return str(self.owner.subscribe(receiver, f"{self.domain}.created")["id"])

    def registration(self) -> dict[str, Any]:
        """Returns the request for a subscription of the owner."""
        return {
            "service_id": self.owner.service_id,
            "event_types": [f"{self.domain}.created"],
            "target": {"type": "pull"},
        }

    def new_type(self) -> str:
        """A type of the owner that nobody else may receive, and that has no schema."""
        return f"{self.domain}.described.{uuid4().hex}"

    def described_type(self) -> str:
        """A type of the owner that nobody else may receive, and that has a schema."""
        event_type = self.new_type()
        self.bus.schemas.register(event_type, {"type": "object"})
        return event_type

    def new_category(self) -> str:
        """A category of streams that has no reducer."""
        return f"{self.owner.service_id}-{uuid4().hex}"

    def reduced_category(self) -> str:
        """A category of the owner's streams that has a reducer."""
        category = self.new_category()
        self.bus.reducers.put(category)
        return category

    def entry(self) -> str:
        """The key of a new entry of the owner's context."""
        key = uuid4().hex
        self.bus.call("PUT", path("/contexts/{}/{}", CONTEXT, key), body={"value": 1})
        return key

    def modelled_category(self) -> str:
        """A category of the owner's streams that has a read model."""
        category = self.new_category()
        self.bus.read_models.put(category)
        return category

    def served_category(self) -> str:
        """A category of the owner's streams that has a read model, which is built."""
        category = self.modelled_category()
        eventually(lambda: self.bus.read_models.get(category).serving)
        return category

    def replay(self) -> str:
        """A new replay."""
        return str(self.bus.events.replay(self.event_id)["id"])

    def request(self) -> str:
        """A new event that asks for a reply."""
        sent = self.bus.commands.send(
            f"{self.domain}.created", require_handler=False, metadata={"expect_replies": 1}
        )
        return sent.id

    def key(self) -> str:
        """The id of a new key that nobody uses."""
        return str(made_key(self.owner, scopes=["manage"])["id"])

    def dead_letter(self) -> str:
        """The id of a dead letter that nobody else names."""
        return self.dead_letters.pop()

    def publisher(self) -> str:
        """A new publisher, beside the owner."""
        return self.world.service().service_id

    def lease(self, subscription_id: str = "") -> dict[str, str]:
        """Returns the acknowledgement of a subscription's waiting events, valid for a minute."""
        place = path("/subscriptions/{}/events", subscription_id or self.subscription_id)

        def taken() -> dict[str, str] | None:
            try:
                fetched = self.bus.call("GET", place, query={"lease": 60})
            except Conflict:
                # Another lease holds.
                return None
            if not fetched["lease"]:
                return None
            return {"lease": fetched["lease"], "cursor": fetched["cursor"]}

        found: dict[str, str] = eventually(taken)
        return found


@contextmanager
def estate_on(world: World) -> Iterator[Estate]:
    """Sets up a service with everything; it takes some seconds."""
    domain = world.name("estate")
    owner = world.publisher(f"{domain}.*")
    stranger = world.service()
    restricted = {f"{domain}.described.*": [owner.service_id]}
    owner.bus.publishers.update(owner.service_id, restricted=restricted)
    for client in (owner, stranger):
        client.subscribe(world.receiver(), f"{client.service_id}.*")
    refusing = world.receiver(lambda _: (500, {}))
    owner.subscribe(refusing, f"{domain}.failed", retry_policy={"max_attempts": 1})
    pulled = owner.pull(f"{domain}.*")
    for number in range(DEAD_LETTERS):
        owner.publish(f"{domain}.failed", {"number": number})
    event_id = owner.publish(f"{domain}.created")
    keys = _keys(owner, stranger)
    letters = eventually(
        lambda: (
            (found := owner.dead_letters(status="exhausted"))
            and len(found) >= DEAD_LETTERS
            and found
        )
    )
    yield Estate(world, owner, domain, event_id, pulled, [each["id"] for each in letters], keys)


def made_key(owner: Client, **asked: Any) -> dict[str, Any]:
    """A new key of a publisher."""
    place = path("/publishers/{}/keys", owner.service_id)
    key: dict[str, Any] = owner.bus.call("POST", place, body=asked)
    return key


def _keys(owner: Client, stranger: Client) -> EstateKeys:
    def text(**asked: Any) -> str:
        return str(made_key(owner, **asked)["authentication"]["api_key"])

    revoked = made_key(owner)
    soon = datetime.now(UTC) + timedelta(seconds=3)
    expired = text(expires_at=soon.isoformat())
    owner.bus.call("DELETE", path("/publishers/{}/keys/{}", owner.service_id, revoked["id"]))
    keys = EstateKeys(
        only={scope: text(scopes=[scope]) for scope in SCOPES},
        but={scope: text(scopes=[each for each in SCOPES if each != scope]) for scope in SCOPES},
        bad={
            "unknown": generate_key()[0],
            "mistyped": owner.key[:-1] + ("a" if owner.key[-1] != "a" else "b"),
            "no key at all": "sesame",
            "revoked": revoked["authentication"]["api_key"],
            "expired": expired,
        },
        token=owner.stream_token(),
        stranger=stranger.key,
    )
    eventually(lambda: owner.http.get("/events", headers={"x-api-key": expired}).status_code == 401)
    return keys
