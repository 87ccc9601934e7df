"""The stack of everything that is stored: tables, buckets, keys, the first admin key."""

import string
from typing import cast

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct
from event_bus.stores.archive import ARCHIVE_PREFIX
from event_bus.stores.payloads import EXPIRING_PREFIX

from infra import tables
from infra.exports import export
from infra.nag import accept
from infra.outputs import output
from infra.removal import removal_policy
from infra.settings import DeploymentSettings
from infra.stack import StageStack
from infra.storage import BusBucket, BusTable, deny_deletion


class DataStack(StageStack):
    """Everything that is stored, encrypted with one key.

    Attributes:
        key: The key that encrypts it.
        sealing_key: The key for data that even readers of the tables must not see.
        events: The table of events.
        deliveries: The table of routing records and deliveries.
        circuits: The table of circuit breakers.
        cursors: The table of cursors.
        inbox: The table of inboxes.
        socket_subscribers: The table of WebSocket connections that follow inboxes.
        streams: The table of event streams: the order of their events.
        states: The table of reducers, snapshots and read models.
        replays: The table of replays.
        publishers: The table of publishers.
        keys: The table of API keys.
        limits: The table of counted requests.
        idempotency: The table of idempotency keys.
        metrics: The table of metrics.
        audit: The table of the audit log.
        subscriptions: The table of subscriptions.
        changes: The table of subscription changes.
        rights: The table of what services may receive.
        contexts: The table of contexts, which enrichments look up.
        payloads: The bucket of payloads too large for the table of events, and of the archive.
        failures: The bucket of records that the router gave up, from the table stream of events.
        audit_failures: The bucket of records that the audit log gave up, from the same table
            stream.
        observer_failures: The bucket of records that `observe` gave up, from the table stream of
            deliveries.
        admin_secret: The secret that holds the first admin key.
    """

    def __init__(
        self, scope: Construct, construct_id: str, *, settings: DeploymentSettings
    ) -> None:
        super().__init__(
            scope, construct_id, description="Event bus: what is stored", settings=settings
        )
        self._settings = settings
        self._tables: dict[str, BusTable] = {}
        self._indexed: BusTable | None = None
        self.key = kms.Key(
            self,
            "Key",
            description=f"Event bus, stage {settings.stage}: tables, buckets and the admin key",
            enable_key_rotation=True,
            removal_policy=removal_policy(settings),
        )
        # The topic of alarms is encrypted by it, and CloudWatch must publish there.
        self.key.add_to_resource_policy(alarms_may(["kms:Decrypt", "kms:GenerateDataKey*"], "*"))
        # Whoever reads a table may use the other key, but not this one.
        self.sealing_key = kms.Key(
            self,
            "SealingKey",
            description=f"Event bus, stage {settings.stage}: signing secrets, sensitive payloads",
            enable_key_rotation=True,
            removal_policy=removal_policy(settings),
        )
        self.events = self._table(tables.EVENTS)
        self.deliveries = self._table(tables.DELIVERIES)
        self.circuits = self._table(tables.CIRCUITS)
        self.cursors = self._table(tables.CURSORS)
        self.inbox = self._table(tables.INBOX)
        self.socket_subscribers = self._table(tables.SOCKET_SUBSCRIBERS)
        self.streams = self._table(tables.STREAMS)
        self.states = self._table(tables.STATES)
        self.replays = self._table(tables.REPLAYS)
        self.publishers = self._table(tables.PUBLISHERS)
        self.keys = self._table(tables.KEYS)
        self.limits = self._table(tables.LIMITS)
        self.idempotency = self._table(tables.IDEMPOTENCY)
        self.metrics = self._table(tables.METRICS)
        self.audit = self._table(tables.AUDIT)
        self.subscriptions = self._table(tables.SUBSCRIPTIONS)
        self.changes = self._table(tables.CHANGES)
        self.rights = self._table(tables.RIGHTS)
        self.contexts = self._table(tables.CONTEXTS)
        self.payloads = BusBucket(
            self, "Payloads", key=self.key, settings=settings, expiring=EXPIRING_PREFIX
        )
        if not settings.local:
            # The archive holds the only copy of its events.
            deny_deletion(self.payloads.bucket, "Archive", ARCHIVE_PREFIX)
        self.failures = BusBucket(self, "Failures", key=self.key, settings=settings)
        self.failures.announce()
        self.audit_failures = BusBucket(self, "AuditFailures", key=self.key, settings=settings)
        self.audit_failures.announce()
        self.observer_failures = BusBucket(
            self, "ObserverFailures", key=self.key, settings=settings
        )
        self.admin_secret = self._admin_secret()
        export(self, self.key.key_arn, self.sealing_key.key_arn)

    def table(self, name: str) -> BusTable:
        """Returns a table by its name in `infra.tables`."""
        return self._tables[name]

    def _table(self, description: tables.Table) -> BusTable:
        table = BusTable(
            self,
            description.construct_id,
            description=description,
            key=self.key,
            settings=self._settings,
        )
        self._tables[description.name] = table
        if description.indexes:
            # Of several such tables at once, DynamoDB may refuse some
            # (https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-dynamodb-table.html).
            if self._indexed:
                table.create_after(self._indexed)
            self._indexed = table
        return table

    def _admin_secret(self) -> secretsmanager.Secret:
        secret = secretsmanager.Secret(
            self,
            "AdminKey",
            description=f"Event bus, stage {self._settings.stage}: the first admin key",
            encryption_key=self.key,
            generate_secret_string=secretsmanager.SecretStringGenerator(
                password_length=48,
                # Letters and digits alone: the key is sent in headers and typed in shells.
                exclude_characters=string.punctuation,
            ),
            removal_policy=removal_policy(self._settings),
        )
        accept(
            secret,
            "SMG4",
            "A person rotates it, by storing another value; a schedule would lock out whoever "
            "holds the key.",
        )
        export(self, secret_arn(secret))
        output(self, "AdminSecretArn", secret.secret_arn)
        return secret


def secret_arn(secret: secretsmanager.Secret) -> str:
    """Returns the ARN of a secret as its attribute: on the emulator, a reference gives its name.

    Args:
        secret: The secret.
    """
    return cast("secretsmanager.CfnSecret", secret.node.default_child).attr_id


def alarms_may(actions: list[str], resource: str) -> iam.PolicyStatement:
    """Returns a statement that permits actions to the CloudWatch alarms of the account alone.

    Args:
        actions: The permitted actions.
        resource: The ARN of the resource; `*` in the policy of a key.
    """
    alarms = f"arn:{cdk.Aws.PARTITION}:cloudwatch:{cdk.Aws.REGION}:{cdk.Aws.ACCOUNT_ID}:alarm:*"
    return iam.PolicyStatement(
        sid="Alarms",
        principals=[iam.ServicePrincipal("cloudwatch.amazonaws.com")],
        actions=actions,
        resources=[resource],
        conditions={
            "StringEquals": {"aws:SourceAccount": cdk.Aws.ACCOUNT_ID},
            "ArnLike": {"aws:SourceArn": alarms},
        },
    )
