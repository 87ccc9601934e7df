"""The programs in the guides of the Python client do what the pages say."""

import json
import sys
import time
from pathlib import Path
from typing import Any

import boto3
import django.test
import django.urls
import pytest
from event_bus_client import Webhook
from moto import mock_aws

from tests.processes import printed_by
from tests.unit.clients import test_receivers
from tests.unit.clients.received import SECRET, received
from tests.unit.docs.pages import DOCS, Sample, program_named

BODY = json.dumps(received()).encode()


def names_of(sample: Sample) -> dict[str, Any]:
    """Runs a sample; the names that it defines."""
    # A module of its own: models find their names in it.
    names: dict[str, Any] = {"__name__": f"guide_{sample.marked('runs')}"}
    exec(compile(sample.text, str(sample), "exec", dont_inherit=True), names)
    return names


@pytest.fixture(autouse=True)
def secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIGNING_SECRET", SECRET)


def signed() -> dict[str, str]:
    return Webhook(SECRET).sign("order-1", int(time.time()), BODY)


def test_the_application_with_fastapi(capsys: pytest.CaptureFixture[str]) -> None:
    app = names_of(program_named("fastapi"))["app"]
    for _ in range(2):
        assert test_receivers.asked(app, "POST", signed(), BODY).status_code == 204
    assert test_receivers.asked(app, "POST", {}, BODY).status_code == 401
    assert capsys.readouterr().out == "order-1: bill 250\n"


def test_the_application_with_flask(capsys: pytest.CaptureFixture[str]) -> None:
    client = names_of(program_named("flask"))["app"].test_client()
    assert client.post("/events", headers=signed(), data=BODY).status_code == 204
    assert capsys.readouterr().out == "order-1: bill 250\n"


def test_the_application_with_django(capsys: pytest.CaptureFixture[str]) -> None:
    test_receivers.urlpatterns[:] = names_of(program_named("django"))["urlpatterns"]
    django.urls.clear_url_caches()
    client = django.test.Client(enforce_csrf_checks=True)
    answer = client.generic("POST", "/events", BODY, headers=signed())
    assert answer.status_code == 204
    assert capsys.readouterr().out == "order-1: bill 250\n"


def test_the_functions_of_aws_lambda(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    monkeypatch.setenv("HANDLED_TABLE", "handled")
    with mock_aws():
        boto3.client("dynamodb").create_table(
            TableName="handled",
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )
        names = names_of(program_named("lambda"))
        event = received()
        assert names["by_invocation"](event, None) == {"billed": 250}
        # Another way, and the same delivery.
        assert names["from_rule"]({"detail": event}, None) == {"billed": 250}
        record = {"messageId": "1", "body": json.dumps({**event, "id": "order-2"})}
        assert names["from_queue"]({"Records": [record]}, None) == {"batchItemFailures": []}
        request = {
            "requestContext": {"http": {"method": "POST"}},
            "headers": signed(),
            "body": BODY.decode(),
        }
        answer = names["by_url"](request, None)
        assert (answer["statusCode"], answer["body"]) == (200, '{"billed": 250}')


def test_the_tests_with_the_fake_bus(tmp_path: Path) -> None:
    (tmp_path / "test_shop.py").write_text(program_named("testing").text)
    client = DOCS.parent / "clients" / "python" / "src"
    paths = [str(client), str(DOCS.parent / "layers")]
    printed = printed_by(
        *(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", tmp_path),
        environment={"PYTHONPATH": ":".join(paths), "PATH": ""},
        folder=tmp_path,
    )
    assert "5 passed" in printed
