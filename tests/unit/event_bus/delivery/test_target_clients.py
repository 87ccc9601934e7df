"""A role is assumed for one service, and used for no other that names the same role."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError
from event_bus import times
from event_bus.access.external_ids import external_id_of, new_external_id
from event_bus.model.delivery import DeliveryKey
from event_bus.model.retry_policy import RetryPolicy
from event_bus.targets import aws_clients as delivering
from event_bus.targets.aws_clients import MOST_CLIENTS, TargetClients
from event_bus.targets.sqs import SqsTarget
from event_bus.targets.transport import DeliveryRequest

from tests.aws import TARGETS
from tests.builders import event, subscription

ROLE = "arn:aws:iam::000000000000:role/event-bus-target"
OTHER_ROLE = "arn:aws:iam::000000000000:role/event-bus-other"
QUEUE = SqsTarget("arn:aws:sqs:us-east-1:000000000000:orders", "https://sqs.example/orders")
HOUR = 3_600.0
MARGIN = 300.0


@dataclass
class Boto:
    """boto3 with clients that cost nothing, and a note of each that was made."""

    now: float
    assumed: list[tuple[str, str]] = field(default_factory=list)
    made: list[dict[str, Any]] = field(default_factory=list)
    waits: list[float] = field(default_factory=list)
    refusal: ClientError | None = None

    def client(self, service: str, **members: Any) -> Any:
        if service == "sts":
            self.waits.append(members["config"].read_timeout)
            return SimpleNamespace(assume_role=self._assume)
        self.made.append({"service": service, **members})
        events = SimpleNamespace(register=lambda *_: None)
        return SimpleNamespace(meta=SimpleNamespace(events=events), **members)

    def _assume(self, **asked: str) -> Any:
        if self.refusal:
            raise self.refusal
        self.assumed.append((asked["RoleArn"], asked["ExternalId"]))
        number = len(self.assumed)
        return {
            "Credentials": {
                "AccessKeyId": f"id-{number}",
                "SecretAccessKey": f"secret-{number}",
                "SessionToken": f"token-{number}",
                "Expiration": datetime.fromtimestamp(self.now + HOUR, UTC),
            }
        }


@pytest.fixture
def boto(monkeypatch: pytest.MonkeyPatch, tell: Callable[..., None]) -> Boto:
    tell(STAGE="prod", **TARGETS)
    made = Boto(float(int(times.unix())))
    monkeypatch.setattr(delivering, "boto3", made)
    monkeypatch.setattr(times, "unix", lambda: made.now)
    return made


def request(
    service_id: str = "worker",
    role: str | None = ROLE,
    timeout: float = 15,
    external_id: str | None = None,
) -> DeliveryRequest:
    to = subscription(
        service_id=service_id,
        target=replace(QUEUE, role_arn=role, external_id=external_id),
        retry_policy=RetryPolicy(timeout=timeout),
    )
    return DeliveryRequest(DeliveryKey("evt_1", to.id), event(), to)


def test_a_role_is_assumed_once_for_a_service(boto: Boto) -> None:
    clients = TargetClients("sqs")
    assert clients.of(request()) is clients.of(request())
    assert boto.assumed == [(ROLE, external_id_of(None, "worker"))]


def test_no_service_is_given_what_another_one_assumed(boto: Boto) -> None:
    clients = TargetClients("sqs")
    used = [clients.of(request(each)) for each in ("worker", "planner", "worker", "planner")]
    assert boto.assumed == [
        (ROLE, external_id_of(None, "worker")),
        (ROLE, external_id_of(None, "planner")),
    ]
    assert [each.aws_access_key_id for each in used] == ["id-1", "id-2", "id-1", "id-2"]
    assert [each.aws_secret_access_key for each in used[:2]] == ["secret-1", "secret-2"]
    assert [each.aws_session_token for each in used[:2]] == ["token-1", "token-2"]


def test_each_role_is_one_of_its_own(boto: Boto) -> None:
    clients = TargetClients("sqs")
    used = [clients.of(request(role=each)) for each in (ROLE, OTHER_ROLE, ROLE)]
    assert [each.aws_access_key_id for each in used] == ["id-1", "id-2", "id-1"]


def test_a_role_is_assumed_with_the_id_that_its_owner_was_given(boto: Boto) -> None:
    clients = TargetClients("sqs")
    given = new_external_id("worker")
    before, now = request(), request(external_id=given)
    assert clients.of(before) is not clients.of(now)
    assert boto.assumed == [(ROLE, "event-bus-prod-worker"), (ROLE, given)]


def test_without_a_role_nothing_is_assumed(boto: Boto) -> None:
    clients = TargetClients("sqs")
    assert clients.of(request(role=None)) is clients.of(request(role=None))
    assert boto.assumed == []
    [made] = boto.made
    assert made.keys() == {"service", "config"}
    assert made["service"] == "sqs"


def test_a_role_is_assumed_again_before_its_session_expires(boto: Boto) -> None:
    clients = TargetClients("sqs")
    clients.of(request())
    boto.now += HOUR - MARGIN - 1
    clients.of(request())
    assert len(boto.assumed) == 1
    boto.now += 1
    assert clients.of(request()).aws_access_key_id == "id-2"


def test_a_request_ends_in_the_time_of_its_subscription_and_is_not_repeated(boto: Boto) -> None:
    clients = TargetClients("sqs")
    slow, fast = clients.of(request(timeout=30)), clients.of(request(timeout=2))
    assert (slow.config.read_timeout, fast.config.read_timeout) == (30, 2)
    assert fast.config.connect_timeout == 2
    assert fast.config.retries == {"total_max_attempts": 1}


def test_a_role_is_assumed_in_the_time_of_its_subscription(boto: Boto) -> None:
    TargetClients("sqs").of(request(timeout=3))
    assert boto.waits == [3]


def test_however_many_timeouts_services_choose_few_clients_are_kept(boto: Boto) -> None:
    clients = TargetClients("sqs")
    first = clients.of(request(role=None, timeout=1))
    for number in range(MOST_CLIENTS - 1):
        clients.of(request(role=None, timeout=2 + number / 10))
    assert clients.of(request(role=None, timeout=1)) is first
    clients.of(request(role=None, timeout=30))
    assert len(boto.made) == MOST_CLIENTS + 1
    assert clients.of(request(role=None, timeout=1)) is not first


def test_a_role_that_cannot_be_assumed_is_asked_for_again(boto: Boto) -> None:
    clients = TargetClients("sqs")
    boto.refusal = ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "AssumeRole")
    with pytest.raises(ClientError):
        clients.of(request())
    boto.refusal = None
    assert clients.of(request()).aws_access_key_id == "id-1"
