"""The settings of a function, read once from its environment.

The stacks write these variables (`infra/`), the functions read them here and nowhere else.
"""

import os
from dataclasses import dataclass
from functools import cache
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Literal

_LANE_URL = "_LANE_URL"
_QUEUE_URLS = (_LANE_URL, "_QUEUE_URL", "_REDRIVE_URL")


@dataclass(frozen=True, slots=True)
class Settings:
    """The typed environment of a function.

    A function is given only the names of resources that its role may use. Reading another setting
    raises `LookupError`, because the stacks are wrong then.
    """

    environment: dict[str, str]

    def _name(self, variable: str) -> str:
        try:
            return self.environment[variable]
        except KeyError:
            raise LookupError(f"this function was not given {variable}") from None

    @property
    def contexts_table(self) -> str:
        """The name of the table of contexts."""
        return self._name("CONTEXTS_TABLE")

    @property
    def events_table(self) -> str:
        """The name of the table of events."""
        return self._name("EVENTS_TABLE")

    @property
    def deliveries_table(self) -> str:
        """The name of the table of routing records and deliveries."""
        return self._name("DELIVERIES_TABLE")

    @property
    def circuits_table(self) -> str:
        """The name of the table of circuit breakers."""
        return self._name("CIRCUITS_TABLE")

    @property
    def cursors_table(self) -> str:
        """The name of the table of cursors."""
        return self._name("CURSORS_TABLE")

    @property
    def streams_table(self) -> str:
        """The name of the table of streams."""
        return self._name("STREAMS_TABLE")

    @property
    def states_table(self) -> str:
        """The name of the table of reducers, snapshots and read models."""
        return self._name("STATES_TABLE")

    @property
    def inbox_table(self) -> str:
        """The name of the table of inboxes."""
        return self._name("INBOX_TABLE")

    @property
    def socket_subscribers_table(self) -> str:
        """The name of the table of WebSocket subscribers."""
        return self._name("SOCKET_SUBSCRIBERS_TABLE")

    @property
    def replays_table(self) -> str:
        """The name of the table of replays."""
        return self._name("REPLAYS_TABLE")

    @property
    def publishers_table(self) -> str:
        """The name of the table of publishers."""
        return self._name("PUBLISHERS_TABLE")

    @property
    def keys_table(self) -> str:
        """The name of the table of API keys."""
        return self._name("KEYS_TABLE")

    @property
    def audit_table(self) -> str:
        """The name of the table of the audit log."""
        return self._name("AUDIT_TABLE")

    @property
    def audit_bucket(self) -> str:
        """The bucket of the audit log's signatures."""
        return self._name("AUDIT_BUCKET")

    @property
    def audit_key(self) -> str:
        """The ARN of the key that signs the audit log."""
        return self._name("AUDIT_KEY_ARN")

    @property
    def audit_queue_url(self) -> str:
        """The URL of the queue of entries for the audit log."""
        return self._name("AUDIT_QUEUE_URL")

    @property
    def audit_retention_days(self) -> int:
        """Days that the audit log is kept."""
        return int(self._name("AUDIT_RETENTION_DAYS"))

    @property
    def metrics_table(self) -> str:
        """The name of the table of metrics."""
        return self._name("METRICS_TABLE")

    @property
    def limits_table(self) -> str:
        """The name of the table of counted requests."""
        return self._name("LIMITS_TABLE")

    @property
    def idempotency_table(self) -> str:
        """The name of the table of idempotency keys."""
        return self._name("IDEMPOTENCY_TABLE")

    @property
    def key_rate(self) -> int:
        """How many requests a second a key may make."""
        return int(self._name("KEY_RATE"))

    @property
    def waiting_requests(self) -> int:
        """How many requests of a service may wait at the same time."""
        return int(self._name("WAITING_REQUESTS"))

    @property
    def service_subscriptions(self) -> int:
        """How many subscriptions a service may have."""
        return int(self._name("SERVICE_SUBSCRIPTIONS"))

    @property
    def subscription_metrics(self) -> int:
        """How many subscriptions have metrics of their own."""
        return int(self.environment.get("SUBSCRIPTION_METRICS", "0"))

    @property
    def service_listeners(self) -> int:
        """How many listeners a service may have at a time."""
        return int(self._name("SERVICE_LISTENERS"))

    @property
    def subscriptions_table(self) -> str:
        """The name of the table of subscriptions."""
        return self._name("SUBSCRIPTIONS_TABLE")

    @property
    def rights_table(self) -> str:
        """The name of the table of what services may receive."""
        return self._name("RIGHTS_TABLE")

    @property
    def default_receive(self) -> Literal["everything", "nothing"]:
        """What a service may receive if no types are given to it."""
        return "nothing" if self._name("DEFAULT_RECEIVE") == "nothing" else "everything"

    @property
    def changes_table(self) -> str:
        """The name of the table of numbered changes."""
        return self._name("CHANGES_TABLE")

    @property
    def payloads_bucket(self) -> str:
        """The bucket that holds the payloads too large for the events table."""
        return self._name("PAYLOADS_BUCKET")

    @property
    def lane_urls(self) -> dict[str, str]:
        """The URLs of the lanes' queues that this function was given, by protocol."""
        return {
            variable.removesuffix(_LANE_URL).lower(): url
            for variable, url in self.environment.items()
            if variable.endswith(_LANE_URL)
        }

    @property
    def lane(self) -> str:
        """The lane from whose queue this function receives messages."""
        return self._name("LANE")

    @property
    def paced_share(self) -> int:
        """How many functions one subscription may occupy in a paced or slow lane.

        In the enrichment lane, all subscriptions with slow sources share them.
        """
        return int(self._name("PACED_SHARE"))

    @property
    def enrich_function(self) -> str:
        """The name of the function that enriches events."""
        return self._name("ENRICH_FUNCTION")

    @property
    def queue_urls(self) -> dict[str, str]:
        """The URLs of all queues that this function was given, by the bus's names for the queues.

        Some queues are given by their names, which are shorter than URLs.
        """
        urls = {
            variable.removesuffix("_URL").removesuffix("_QUEUE").lower(): url
            for variable, url in self.environment.items()
            if variable.endswith(_QUEUE_URLS)
        }
        for named in self.environment.get("QUEUE_NAMES", "").split():
            queue, _, name = named.partition("=")
            urls[queue] = self._beside_unroutable(name)
        return dict(sorted(urls.items()))

    def _beside_unroutable(self, name: str) -> str:
        return f"{self.unroutable_queue_url.rpartition('/')[0]}/{name}"

    @property
    def unroutable_queue_url(self) -> str:
        """The URL of the queue of events whose routing failed."""
        return self._name("UNROUTABLE_QUEUE_URL")

    @property
    def unroutable_redrive_url(self) -> str:
        """The URL of the queue of events whose routing failed again and again."""
        return self._name("UNROUTABLE_REDRIVE_URL")

    @property
    def replay_queue_url(self) -> str:
        """The URL of the queue of running replays."""
        return self._name("REPLAY_QUEUE_URL")

    @property
    def admin_secret(self) -> str:
        """The ARN of the secret that holds the first admin key."""
        return self._name("ADMIN_SECRET_ARN")

    @property
    def sealing_key(self) -> str:
        """The ARN of the KMS key that seals what the tables must not show."""
        return self._name("SEALING_KEY_ARN")

    @property
    def retention_days(self) -> int:
        """How many days an event and its records are kept."""
        return int(self._name("RETENTION_DAYS"))

    @property
    def archive_after_days(self) -> int:
        """The age at which kept events are archived, in days; 0 for never."""
        return int(self.environment.get("ARCHIVE_AFTER_DAYS", "0"))

    @property
    def region(self) -> str:
        """The region of the bus."""
        return self._name("AWS_REGION")

    @property
    def partition(self) -> str:
        """The partition of the bus, such as `aws`."""
        return self._name("PARTITION")

    @property
    def url_suffix(self) -> str:
        """The AWS domain of the partition, such as `amazonaws.com`."""
        return self._name("URL_SUFFIX")

    @property
    def account(self) -> str:
        """The account of the bus."""
        return self.target_accounts[0]

    @property
    def target_accounts(self) -> list[str]:
        """The accounts that the bus may deliver to, its own first."""
        return self._name("TARGET_ACCOUNTS").split(",")

    @property
    def own_prefix(self) -> str:
        """The prefix of the names of the bus's own resources."""
        return f"event-bus-{self._name('STAGE')}-"

    @property
    def mirror(self) -> str:
        """The name of the bus's own event bus of EventBridge."""
        return f"event-bus-{self._name('STAGE')}"

    @property
    def untagged_targets(self) -> list[str]:
        """Patterns of the ARNs of resources that are targets without a tag."""
        named = self.environment.get("UNTAGGED_TARGETS", "")
        return named.split(",") if named else []

    @property
    def managed_prefix(self) -> str:
        """The prefix of the names of managed queues."""
        return f"eventbus-{self._name('STAGE')}-"

    @property
    def emulator(self) -> str | None:
        """The URL of the emulator, which also begins the URLs of its queues; None on AWS."""
        return self.environment.get("AWS_ENDPOINT_URL")

    @property
    def socket_endpoint(self) -> str:
        """The URL for sending to clients that are connected by a WebSocket."""
        api, stage = self._name("SOCKET_API_ID"), self._name("STAGE")
        if self.emulator:
            return f"{self.emulator}/_aws/execute-api/{api}/{stage}"
        return f"https://{api}.execute-api.{self.region}.{self.url_suffix}/{stage}"

    @property
    def api_host(self) -> str:
        """The host of the API."""
        return self._name("API_HOST")

    @property
    def own_host(self) -> str | None:
        """The host of the API in lower case; None if the function was not given it."""
        return self.environment.get("API_HOST", "").lower() or None

    @property
    def callback_networks(self) -> list[IPv4Network | IPv6Network]:
        """The networks that callbacks may lead to although they are not public."""
        named = self.environment.get("CALLBACK_NETWORKS", "")
        return [ip_network(each) for each in named.split(",") if each]

    @property
    def stage(self) -> str:
        """The stage of the deployment."""
        return self._name("STAGE")

    @property
    def local(self) -> bool:
        """True on the local emulator, where callbacks may be plain HTTP."""
        return self.environment.get("STAGE") == "local"


@cache
def settings() -> Settings:
    """Returns the settings of this process."""
    return Settings(dict(os.environ))
