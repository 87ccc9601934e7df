"""AWS as the stores see it, be it moto's or the emulator's: empty tables, a bucket, queues."""

from collections.abc import Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, TypeVar, cast

from botocore.awsrequest import AWSPreparedRequest
from botocore.config import Config
from event_bus.access.known_publishers import KnownPublishers
from event_bus.access.payload_readers import PayloadReaders
from event_bus.access.receive_rights import ReceiveRights, RightsReader
from event_bus.access.subscription_rights import SubscriptionRights
from event_bus.encryption.data_keys import DataKeys
from event_bus.encryption.payload_seal import PayloadSeal
from event_bus.encryption.signing_secrets import SigningSecrets
from event_bus.model import transitions
from event_bus.model.api_keys import ApiKey
from event_bus.model.delivery import Delivery
from event_bus.model.publisher import Publisher
from event_bus.model.routing_rule import RoutingRule
from event_bus.model.subscription import Subscription
from event_bus.publishing.schema_checks import SchemaChecks
from event_bus.querying.event_finder import EventFinder
from event_bus.queues.message import Message, from_json
from event_bus.routing.registry_view import RegistryView
from event_bus.stores.announced_changes import AnnouncedChanges
from event_bus.stores.archive import ArchiveStore
from event_bus.stores.changes import ChangeLog
from event_bus.stores.circuits import CircuitStore
from event_bus.stores.claims import ClaimStore
from event_bus.stores.commands import CommandStore
from event_bus.stores.contexts import ContextStore
from event_bus.stores.cursors import CursorStore
from event_bus.stores.dead_letters import DeadLetterStore
from event_bus.stores.deliveries import DeliveryStore
from event_bus.stores.due_deliveries import DueDeliveries
from event_bus.stores.event_archive import EventArchive
from event_bus.stores.event_items import stub_of
from event_bus.stores.events import EventStore
from event_bus.stores.handlers import HandlerStore
from event_bus.stores.inbox_cursors import InboxCursorStore
from event_bus.stores.inboxes import InboxStore
from event_bus.stores.keys import KeyChange, KeyStore
from event_bus.stores.limits import LimitStore
from event_bus.stores.paces import PaceStore
from event_bus.stores.payloads import PayloadStore
from event_bus.stores.publishers import PublisherStore
from event_bus.stores.reducers import ReducerStore
from event_bus.stores.registrations import Registrations
from event_bus.stores.replays import ReplayStore
from event_bus.stores.rights import RightsStore
from event_bus.stores.routings import RoutingStore
from event_bus.stores.schemas import SchemaStore
from event_bus.stores.snapshots import SnapshotStore
from event_bus.stores.socket_subscribers import SocketSubscriberStore
from event_bus.stores.streams import StreamStore
from event_bus.stores.subscriptions import SubscriptionStore
from event_bus.stores.table import Table
from event_bus.stores.transactions import transact
from event_bus.targets import registry
from event_bus.targets.upcasting import Upcaster

from tests.builders import SECRET
from tests.sent_messages import RecordingSqs, SentMessage

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_kms import KMSClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sqs import SQSClient

RETENTION_DAYS = 30

View = TypeVar("View", bound=RegistryView)

TARGETS = {
    "AWS_REGION": "us-east-1",
    "PARTITION": "aws",
    "URL_SUFFIX": "amazonaws.com",
    "TARGET_ACCOUNTS": "000000000000",
}
"""What functions are told of AWS."""

ONCE = Config(retries={"total_max_attempts": 1})
"""For a client that makes a request once."""

AGAIN = Config(retries={"mode": "legacy", "total_max_attempts": 3})
"""For a client that repeats a request that failed, after a moment."""


@dataclass(frozen=True)
class Aws:
    """A place where stores can be tried.

    Attributes:
        dynamodb: A client of the tables that makes a request once.
        retrying: Another that repeats a request that failed.
        s3: A client of the bucket.
        sqs: A client of the queues; a `RecordingSqs`, if the test asks what was sent.
        kms: A client of the sealing key.
        tables: The names of the tables by what they hold.
        bucket: The bucket of large payloads.
        carry_out: Has a prepared request take effect, whatever becomes of its answer.
    """

    dynamodb: "DynamoDBClient"
    retrying: "DynamoDBClient"
    s3: "S3Client"
    sqs: "SQSClient"
    kms: "KMSClient"
    tables: dict[str, str]
    bucket: str
    carry_out: Callable[[AWSPreparedRequest], object]
    _queues: list[str] = field(default_factory=list)

    def table(self, name: str) -> Table:
        """A table, by what it holds."""
        return Table(self.dynamodb, self.tables[name])

    @property
    def payloads(self) -> PayloadStore:
        return PayloadStore(self.s3, self.bucket)

    @property
    def events(self) -> EventStore:
        return EventStore(
            self.table("events"),
            self.payloads,
            self.streams,
            archive=self.archive,
        )

    @property
    def archive(self) -> ArchiveStore:
        return ArchiveStore(self.s3, self.bucket, partial(ThreadPoolExecutor, 4))

    def event_archive(self, executor: Executor) -> EventArchive:
        return EventArchive(self.table("events"), self.archive, executor)

    @property
    def deliveries(self) -> DeliveryStore:
        return DeliveryStore(self.table("deliveries"), RETENTION_DAYS)

    @property
    def commands(self) -> CommandStore:
        return CommandStore(self.table("deliveries"), RETENTION_DAYS)

    @property
    def handlers(self) -> HandlerStore:
        return HandlerStore(self.table("changes"))

    @property
    def claims(self) -> ClaimStore:
        return ClaimStore(self.table("deliveries"), RETENTION_DAYS)

    @property
    def dead_letters(self) -> DeadLetterStore:
        return DeadLetterStore(self.table("deliveries"), RETENTION_DAYS)

    @property
    def due(self) -> DueDeliveries:
        return DueDeliveries(self.table("deliveries"))

    @property
    def routings(self) -> RoutingStore:
        return RoutingStore(self.table("deliveries"), RETENTION_DAYS)

    @property
    def paces(self) -> PaceStore:
        return PaceStore(self.table("circuits"), RETENTION_DAYS)

    @property
    def circuits(self) -> CircuitStore:
        return CircuitStore(self.table("circuits"), RETENTION_DAYS)

    @property
    def cursors(self) -> CursorStore:
        return CursorStore(self.table("cursors"), RETENTION_DAYS)

    @property
    def inbox_cursors(self) -> InboxCursorStore:
        return InboxCursorStore(self.table("cursors"), RETENTION_DAYS)

    @property
    def inboxes(self) -> InboxStore:
        return InboxStore(self.table("inbox"), RETENTION_DAYS)

    @property
    def socket_subscribers(self) -> SocketSubscriberStore:
        return SocketSubscriberStore(self.table("socket_subscribers"))

    @property
    def streams(self) -> StreamStore:
        return StreamStore(self.table("streams"))

    @property
    def reducers(self) -> ReducerStore:
        return ReducerStore(self.table("states"))

    @property
    def snapshots(self) -> SnapshotStore:
        return SnapshotStore(self.table("states"))

    @property
    def replays(self) -> ReplayStore:
        return ReplayStore(self.table("replays"), RETENTION_DAYS)

    @property
    def contexts(self) -> ContextStore:
        return ContextStore(self.table("contexts"))

    @property
    def publishers(self) -> PublisherStore:
        return PublisherStore(self.table("publishers"))

    @cached_property
    def schemas(self) -> SchemaStore:
        return SchemaStore(self.table("publishers"))

    @property
    def upcaster(self) -> Upcaster:
        return Upcaster(self.schemas.version)

    @property
    def schema_checks(self) -> SchemaChecks:
        checks = SchemaChecks(self.schemas.index, self.schemas.version)
        checks.take(self.schemas.index())
        return checks

    @property
    def limits(self) -> LimitStore:
        return LimitStore(self.table("limits"))

    @property
    def keys(self) -> KeyStore:
        return KeyStore(self.table("keys"))

    def add_keys(self, *keys: ApiKey) -> None:
        """Adds keys to the rings of their services."""
        for key in keys:
            self.keys.change(KeyChange(self.keys.ring(key.service_id), (key,)))

    def put_keys(self, *keys: ApiKey) -> None:
        """Adds keys that are in no ring, as an earlier release did."""
        transact([self.keys.adding_part(key) for key in keys])

    def add_publishers(self, *publishers: Publisher) -> None:
        """Adds publishers without keys."""
        transact([self.publishers.adding_part(each) for each in publishers])

    @property
    def registrations(self) -> Registrations:
        return Registrations(
            self.publishers,
            self.subscriptions,
            self.keys,
            self.rights,
            self.paces,
            self.replays,
            self.events,
            RETENTION_DAYS,
        )

    @property
    def announced_changes(self) -> AnnouncedChanges:
        return AnnouncedChanges(self.subscriptions, self.events, RETENTION_DAYS)

    def revoke(self, key: ApiKey) -> None:
        """Removes a key from the ring of its service."""
        ring = self.keys.ring(key.service_id)
        self.keys.change(KeyChange(ring, removed=(key,)))

    @property
    def subscriptions(self) -> SubscriptionStore:
        return SubscriptionStore(
            self.table("subscriptions"), registry.TARGETS, self.table("changes")
        )

    @property
    def log(self) -> ChangeLog:
        return ChangeLog(self.table("changes"))

    @property
    def rights(self) -> RightsStore:
        return RightsStore(self.table("rights"), self.table("changes"))

    @property
    def rights_reader(self) -> RightsReader:
        return RightsReader(self.rights, "everything")

    @property
    def subscription_rights(self) -> SubscriptionRights:
        return SubscriptionRights(self.rights_reader, self.publishers.get)

    def event_finder(self, executor: Executor) -> EventFinder:
        return EventFinder(
            self.events,
            self.routings,
            self.deliveries,
            self.subscriptions.of_service,
            executor,
            self.rights_reader,
        )

    def view(self, kind: type[View], **members: Any) -> View:
        """A router's view of what is stored, of some kind."""
        parts = {
            "store": self.subscriptions,
            "rights_store": self.rights,
            "log": self.log,
            "rights": ReceiveRights("everything"),
            **members,
        }
        return kind(**parts)

    def routing_rules_after(self, version: int) -> list[RoutingRule]:
        """What changed of subscriptions after a change."""
        return [RoutingRule(**each) for _, each in self.log.after(version) if "kind" not in each]

    @cached_property
    def sealing_key(self) -> str:
        """The ARN of a key."""
        return self.kms.create_key()["KeyMetadata"]["Arn"]

    @property
    def signing_secrets(self) -> SigningSecrets:
        return SigningSecrets(self.kms, self.sealing_key)

    @cached_property
    def seal(self) -> PayloadSeal:
        return PayloadSeal(DataKeys(self.kms, self.sealing_key))

    @property
    def readers(self) -> PayloadReaders:
        return PayloadReaders(self.seal, KnownPublishers(self.publishers.get))

    def signed(self, subscription: Subscription) -> Subscription:
        """A subscription with the secret that tests expect."""
        sealed = self.signing_secrets.seal(SECRET, subscription.id)
        return replace(subscription, signing_secrets=(sealed,))

    def retried(self, dead: Delivery) -> Delivery:
        """A dead letter as it is stored after a person has retried it."""
        reopened = self.dead_letters.reopen(transitions.reopened(dead))
        assert reopened
        return reopened

    def objects(self) -> list[str]:
        """The keys of what lies in the bucket."""
        found = self.s3.list_objects_v2(Bucket=self.bucket).get("Contents", [])
        return [each["Key"] for each in found]

    def queue(self) -> str:
        """The URL of a new queue."""
        name = f"{self.bucket}-{len(self._queues)}"
        self._queues.append(self.sqs.create_queue(QueueName=name)["QueueUrl"])
        return self._queues[-1]

    def drop_queues(self) -> None:
        """Removes the queues that were made."""
        for url in self._queues:
            self.sqs.delete_queue(QueueUrl=url)

    def lose_payload(self, event_id: str) -> None:
        """Deletes the payload of an event from the bucket, as a shorter retention does."""
        listed = self.s3.list_objects_v2(Bucket=self.bucket)["Contents"]
        [key] = [each["Key"] for each in listed if f"/{event_id}/" in each["Key"]]
        self.s3.delete_object(Bucket=self.bucket, Key=key)

    def lose_archived(self, event_id: str) -> None:
        """Leaves a stub of an event, whose object in the archive does not exist."""
        table = self.tables["events"]
        item = self.dynamodb.get_item(TableName=table, Key={"id": {"S": event_id}})["Item"]
        self.dynamodb.put_item(TableName=table, Item=stub_of(item, "lost/0/10"))

    def sent(self, url: str) -> list[SentMessage]:
        """What was sent to a queue since the last call, with messages that are delayed."""
        return cast("RecordingSqs", self.sqs).taken(url)

    def sent_on(self, lane: str) -> list[Message]:
        """The messages that were sent to the queue of a lane since the last call."""
        return [replace(from_json(each.body), delay=each.delay) for each in self.sent(lane)]

    def take(self, url: str) -> list[str]:
        """Receives the messages of a queue that no delay hides, and deletes them."""
        bodies: list[str] = []
        while messages := self.sqs.receive_message(
            QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=0
        ).get("Messages"):
            for message in messages:
                bodies.append(message["Body"])
                self.sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return bodies
