"""What the API shows can be sent back, and changes nothing."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from event_bus.api.documents.services import publisher_document
from event_bus.api.documents.subscriptions import subscription_document
from event_bus.model.publisher import Publisher
from event_bus.model.subscription import Subscription
from event_bus.model.target import Target
from event_bus.registry.subscription_requests import (
    REMOVABLE,
    SubscriptionChange,
    SubscriptionRegistration,
)
from event_bus.requests.publisher import PublisherChange, PublisherRegistration
from event_bus.requests.retry_policy import RetryPolicyRequest
from event_bus.requests.validation import members_of, read
from event_bus.settings import settings
from event_bus.targets.sqs import SqsTarget
from hypothesis import given
from hypothesis import strategies as st

QUEUE = "arn:aws:sqs:us-east-1:000000000000:orders"
ROLE = "arn:aws:iam::210987654321:role/event-bus-delivery"

TARGETS: list[dict[str, Any]] = [
    {"type": "http", "url": "https://example.com/hook"},
    {"type": "sqs", "queue": QUEUE},
    {"type": "sqs", "queue": QUEUE.replace("000000000000", "210987654321"), "role_arn": ROLE},
    {"type": "sqs", "managed": True},
    {"type": "sns", "topic": "arn:aws:sns:us-east-1:000000000000:orders"},
    {"type": "lambda", "function": "arn:aws:lambda:us-east-1:000000000000:function:f"},
    {
        "type": "lambda",
        "function": "arn:aws:lambda:us-east-1:000000000000:function:f:live",
        "invocation": "sync",
        "reply": True,
    },
    {"type": "eventbridge", "event_bus": "arn:aws:events:us-east-1:000000000000:event-bus/b"},
    {"type": "pull"},
    {"type": "sse"},
    {"type": "websocket"},
]

ENVIRONMENT = {
    "AWS_REGION": "us-east-1",
    "PARTITION": "aws",
    "URL_SUFFIX": "amazonaws.com",
    "TARGET_ACCOUNTS": "000000000000,210987654321",
    "STAGE": "prod",
}


@pytest.fixture(autouse=True, scope="module")
def _told() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in ENVIRONMENT.items():
            patch.setenv(name, value)
        patch.delenv("AWS_ENDPOINT_URL", raising=False)
        settings.cache_clear()
        yield
    settings.cache_clear()


pointers = st.lists(st.sampled_from(["/a", "/b/c"]), min_size=1, max_size=32)
waits = st.integers(1, 86_400)
optional_policy = {
    "max_attempts": st.integers(1, 50),
    "timeout": st.floats(1, 30),
    "client_errors": st.sampled_from(["retry", "final"]),
    "disable_after_days": st.integers(1, 90),
}
policies = st.one_of(
    st.fixed_dictionaries(
        {"schedule": st.lists(waits, min_size=1, max_size=49)}, optional=optional_policy
    ),
    st.fixed_dictionaries(
        {}, optional={**optional_policy, "base": waits, "factor": st.floats(1, 10), "cap": waits}
    ),
)


def subscription(**members: Any) -> Subscription:
    asked = read(
        SubscriptionRegistration,
        {"event_types": ["order.*"], "filters": {"order.*": {"total": [None, 1]}}, **members},
    )
    return Subscription(
        id="sub_1",
        service_id="shop",
        name="Orders",
        event_types=asked.event_types,
        filters=asked.filters,
        target=_made(asked.chosen_target()),
        status="active",
        version=1,
        created_at="2026-01-01T00:00:00.000Z",
        updated_at="2026-01-01T00:00:00.000Z",
        delivery_guarantee=asked.delivery_guarantee,
        ordered=asked.ordered,
        retry_policy=asked.retry_policy.policy(),
        transform=asked.transform.transform() if asked.transform else None,
    )


def _made(target: Target) -> Target:
    """The target once its queue is made, if the bus provides it."""
    if isinstance(target, SqsTarget) and target.managed:
        return replace(target, queue=QUEUE, queue_url="https://sqs.us-east-1.amazonaws.com/0/q")
    return target


def same_target(change: SubscriptionChange, target: Target) -> bool:
    wanted = change.chosen_target()
    assert wanted is not None
    return _made(wanted) == target


WRITABLE = set(SubscriptionChange.model_fields) - {"verify"}


@given(policies)
def test_a_retry_policy_can_be_sent_back(members: dict[str, Any]) -> None:
    kept = read(RetryPolicyRequest, members).policy()
    shown = subscription_document(subscription(target={"type": "pull"}, retry_policy=members))
    assert read(RetryPolicyRequest, shown["retry_policy"]).policy() == kept
    assert 1 <= kept.max_attempts <= 50


@pytest.mark.parametrize("target", TARGETS, ids=str)
def test_a_subscription_can_be_sent_back(target: dict[str, Any]) -> None:
    kept = subscription(target=target)
    shown = {name: value for name, value in subscription_document(kept).items() if name in WRITABLE}
    change = read(SubscriptionChange, shown)
    assert members_of(change, removable=REMOVABLE)
    assert same_target(change, kept.target)
    assert change.filters == kept.filters
    assert same_target(read(SubscriptionChange, {"target": shown["target"]}), kept.target)


@pytest.mark.parametrize(
    "transform",
    [
        {"format": "payload"},
        {"format": "cloudevents"},
        {"format": "cloudevents", "mode": "binary", "headers": {"x-a": "$.type"}},
        {"expression": '{"id": $event.id}'},
        {"format": "event", "expression": "$"},
        {"template": {"input_template": '"<a>"', "input_paths_map": {"a": "$.type"}}},
        {"attributes": {"region": "eu"}},
    ],
    ids=str,
)
def test_a_transform_can_be_sent_back(transform: dict[str, Any]) -> None:
    kept = subscription(target={"type": "sqs", "queue": QUEUE}, transform=transform)
    shown = subscription_document(kept)["transform"]
    change = read(SubscriptionChange, {"transform": shown})
    assert change.transform is not None
    assert change.transform.transform() == kept.transform
    assert transform.items() <= dict(shown or {}).items()


@given(
    st.dictionaries(
        st.sampled_from(["order.*", "order.placed", "*"]),
        st.one_of(
            st.just(True), st.lists(st.sampled_from(["/a", "/b/c"]), min_size=1, max_size=32)
        ),
    ),
    st.dictionaries(
        st.sampled_from(["order.*", "order.placed", "*"]),
        st.lists(st.sampled_from(["billing", "audit"])),
    ),
)
def test_a_publisher_can_be_sent_back(
    sensitive: dict[str, Any], restricted: dict[str, list[str]]
) -> None:
    asked = read(
        PublisherRegistration,
        {
            "service_id": "shop",
            "event_types": ["*"],
            "sensitive": sensitive,
            "sensitive_readers": ["billing"],
            "restricted": restricted,
        },
    )
    kept = Publisher(
        "shop",
        "Shop",
        asked.event_types,
        "",
        "",
        asked.sensitive,
        asked.sensitive_readers,
        asked.restricted,
    )
    document = publisher_document(kept)
    assert document.keys() > PublisherChange.model_fields.keys()
    shown = {name: document.get(name) for name in PublisherChange.model_fields}
    members = members_of(read(PublisherChange, shown))
    assert replace(kept, **members) == kept
