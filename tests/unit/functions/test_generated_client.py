"""A client that is generated from the description reads what the functions answer."""

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from datamodel_code_generator import GenerateConfig, InputFileType, generate
from datamodel_code_generator.enums import DataModelType
from datamodel_code_generator.format import Formatter
from event_bus.api.description import DOCUMENT
from event_bus.api.documents.subscriptions import subscription_document
from event_bus.model.target import Target
from event_bus.targets.eventbridge import EventBridgeTarget
from event_bus.targets.http import HttpTarget
from event_bus.targets.inbox import InboxTarget
from event_bus.targets.lambda_function import LambdaTarget
from event_bus.targets.sns import SnsTarget
from event_bus.targets.sqs import SqsTarget
from pydantic import ValidationError

from tests.builders import AN_ADMIN, submission, subscription
from tests.handlers import Functions

ROLE = "arn:aws:iam::123456789012:role/event-bus-target"


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModuleType]:
    """The models that the generator writes."""
    file = Path(tmp_path_factory.mktemp("generated"), "generated_client.py")
    generate(
        DOCUMENT,
        config=GenerateConfig(
            input_file_type=InputFileType.OpenAPI,
            output=file,
            formatters=[Formatter.BUILTIN],
            output_model_type=DataModelType.PydanticV2BaseModel,
        ),
    )
    spec = importlib.util.spec_from_file_location("generated_client", file)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules["generated_client"] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules["generated_client"]


def test_every_schema_has_a_class(client: ModuleType) -> None:
    for name in ("HttpTarget", "SqsTarget", "InboxTarget", "RetryPolicy", "DeliveredEvent"):
        assert hasattr(client, name), name
    invented = [name for name in dir(client) if name.startswith("Target") and name[-1].isdigit()]
    assert invented == []


@pytest.mark.parametrize(
    "target",
    [
        HttpTarget("https://worker.example/events"),
        SqsTarget(
            "arn:aws:sqs:eu-central-1:123456789012:q", "https://sqs.example/q", role_arn=ROLE
        ),
        SnsTarget("arn:aws:sns:eu-central-1:123456789012:t"),
        LambdaTarget("arn:aws:lambda:eu-central-1:123456789012:function:f", "sync", reply=True),
        EventBridgeTarget("arn:aws:events:eu-central-1:123456789012:event-bus/b", role_arn=ROLE),
        InboxTarget("pull"),
        InboxTarget("websocket"),
    ],
    ids=lambda target: target.type,
)
def test_a_subscription_is_read_with_its_target(
    functions: Functions, client: ModuleType, target: Target
) -> None:
    shown = subscription_document(subscription(target=target))
    read = client.Subscription.model_validate(shown)
    found = getattr(read.target, "root", read.target)
    expected = "InboxTarget" if isinstance(target, InboxTarget) else type(target).__name__
    assert type(found).__name__ == expected
    assert getattr(found.type, "value", found.type) == target.type


def test_answers_of_the_functions_are_read(functions: Functions, client: ModuleType) -> None:
    def read(model: str, function: str, route: str, body: Any = None, **more: Any) -> Any:
        answer = functions.request(function, route, AN_ADMIN, body, **more)
        assert answer.status < 300
        return getattr(client, model).model_validate(answer.body)

    publisher = {"service_id": "planner", "event_types": ["task.*"]}
    made = read("CreatedPublisher", "registry", "POST /publishers", publisher)
    assert made.authentication.api_key
    wanted = {
        "service_id": "worker",
        "event_types": ["task.*"],
        "callback_url": "https://worker.example/events",
        "filters": {"task.*": {"a": [1]}},
    }
    client.SubscriptionRegistration.model_validate(wanted)
    created = read("CreatedSubscription", "registry", "POST /subscriptions", wanted)
    assert created.signing_secret
    page = read("SubscriptionPage", "registry", "GET /subscriptions")
    assert [each.id for each in page.items] == [created.id]
    accepted = read("AcceptedEvent", "publish", "POST /events", submission(id="evt_1"))
    assert accepted.id == "evt_1"
    where = {"parameters": {"id": "evt_1"}}
    event = read("Event", "events", "GET /events/{id}", **where)
    assert event.id == "evt_1"
    replay = read("Replay", "recovery", "POST /replays", {"from": "2020-01-01T00:00:00Z"})
    assert getattr(replay.state, "value", replay.state) == "running"


def test_a_problem_is_read_and_what_is_none_is_refused(
    functions: Functions, client: ModuleType
) -> None:
    answer = functions.request("publish", "POST /events", AN_ADMIN, {"type": "x y"})
    problem = client.Problem.model_validate(answer.body)
    assert {each.pointer for each in problem.errors} == {"/type", "/payload"}
    with pytest.raises(ValidationError):
        client.Problem.model_validate({"status": "x"})
