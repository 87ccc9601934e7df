"""Every request by curl on the pages is one that the API takes."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

import pytest
from event_bus.api.operation import Operation
from event_bus.api.operations.publishing import Publication
from event_bus.api.operations.registry import OPERATIONS
from event_bus.errors import InvalidRequest
from event_bus.requests.event import EventSubmission
from event_bus.requests.validation import read
from event_bus.settings import settings

from infra.built import ROOT
from tests.unit.docs.pages import Sample, samples, samples_of
from tests.unit.docs.shell import commands

STAND_INS = {
    "ACK": '{"lease": "lease_1", "cursor": "17"}',
    "DEADLINE": "2126-05-01T12:00:00Z",
    "MIRROR_ARN": "arn:aws:events:eu-central-1:123456789012:event-bus/mirror",
}
"""The values of variables whose names alone could not be read."""

COMMON_HEADERS = {"authorization", "content-type", "idempotency-key", "x-api-key"}
JSON = "application/json"

_BASE = re.compile(r"\$(?:API\b|\([^)]*\))")
_VARIABLE = re.compile(r"\$(\w+)")
_HEADER_VARIABLE = re.compile(r'^(\w+)="([\w-]+: [^"]*)"$', re.MULTILINE)


@dataclass(frozen=True)
class Request:
    """What a curl command sends.

    Attributes:
        path: The path, with variables as they are written.
    """

    method: str
    path: str
    query: list[tuple[str, str]]
    headers: dict[str, str]
    body: str | None


def request(arguments: list[str], variables: dict[str, str]) -> Request:
    """Reads the arguments of curl.

    Args:
        arguments: The arguments.
        variables: The headers that the page keeps in variables.
    """
    method, body, headers, urls = None, None, {}, []
    words = iter(arguments)
    for word in words:
        if word == "-X":
            method = next(words)
        elif word == "-d":
            body = next(words)
        elif word == "-H":
            header = _VARIABLE.sub(lambda found: variables.get(found[1], found[0]), next(words))
            name, _, value = header.partition(": ")
            headers[name.lower()] = value
        elif word not in ("-s", "-i", "-N"):
            urls.append(word)
    [url] = urls
    base = _BASE.match(url)
    assert base, f"{url} is not below $API"
    path, _, query = url[base.end() :].partition("?")
    pairs = parse_qsl(query, keep_blank_values=True, strict_parsing=bool(query))
    return Request(method or ("GET" if body is None else "POST"), path, pairs, headers, body)


def operation_of(sent: Request) -> Operation:
    """The operation that answers a request."""
    parts = sent.path.split("/")
    fitting = [
        each
        for each in OPERATIONS
        if sent.method in each.methods
        and len(each.path.split("/")) == len(parts)
        and all(
            wanted == part or (wanted.startswith("{") and part)
            for wanted, part in zip(each.path.split("/"), parts, strict=True)
        )
    ]
    assert fitting, f"there is no {sent.method} {sent.path}"
    return min(fitting, key=lambda each: len(each.path_parameters))


def check(sent: Request) -> None:
    """Raises an error if the API would refuse a request for its form."""
    operation = operation_of(sent)
    known = {each.name: each for each in operation.query}
    for name, text in sent.query:
        assert name in known or operation.members, f"{operation.key} has no parameter {name}"
        if name in known and not _VARIABLE.search(text):
            known[name].read(text)
    missing = {name for name, each in known.items() if each.required} - dict(sent.query).keys()
    assert missing == set(), f"{operation.key} needs {missing}"
    others = (
        sent.headers.keys() - COMMON_HEADERS - {each.name.lower() for each in operation.headers}
    )
    assert others == set(), f"{operation.key} has no headers {others}"
    if not operation.public:
        assert sent.headers.keys() & {"x-api-key", "authorization"}, f"{operation.key} needs a key"
    if sent.body is None:
        assert operation.body is None or not operation.body_required, f"{operation.key}: no body"
    else:
        assert operation.body is not None, f"{operation.key} takes no body"
        assert sent.headers.get("content-type") == JSON, f"{operation.key} needs a content-type"
        text = _VARIABLE.sub(lambda found: STAND_INS.get(found[1], found[1].lower()), sent.body)
        read_body(operation, json.loads(text))


def read_body(operation: Operation, body: Any) -> None:
    """Reads a body as its operation does."""
    if operation.body is Publication:
        for each in body if isinstance(body, list) else [body]:
            read(EventSubmission, each)
    else:
        read(operation.body, body)


def sent() -> Iterator[tuple[Sample, list[str]]]:
    """Yields the arguments of each curl command, with its sample."""
    for sample in samples("sh", "bash"):
        for arguments in commands(sample.text, "curl"):
            yield sample, arguments


SENT = [
    pytest.param(sample, arguments, id=f"{sample} {number}")
    for number, (sample, arguments) in enumerate(sent())
]


@pytest.mark.parametrize(("sample", "arguments"), SENT)
def test_the_api_takes_a_request_by_curl(sample: Sample, arguments: list[str]) -> None:
    page = samples_of(ROOT / sample.page, "sh", "bash")
    headers = dict(found for each in page for found in _HEADER_VARIABLE.findall(each.text))
    made = request(arguments, headers)
    if sample.marked("answers"):
        assert sample.marked("answers") == "422"
        with pytest.raises(InvalidRequest):
            check(made)
    else:
        check(made)


ENVIRONMENT = {
    "AWS_REGION": "eu-central-1",
    "PARTITION": "aws",
    "URL_SUFFIX": "amazonaws.com",
    "TARGET_ACCOUNTS": "123456789012",
    # A bus that takes callbacks by plain HTTP on this machine, as that of the quickstart.
    "STAGE": "local",
    "CALLBACK_NETWORKS": "127.0.0.0/8",
}


@pytest.fixture(autouse=True, scope="module")
def _settings() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in ENVIRONMENT.items():
            patch.setenv(name, value)
        settings.cache_clear()
        yield
    settings.cache_clear()


KEY = "-H 'x-api-key: k'"
BODY = "-H 'content-type: application/json' -d"


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (f"$API/subscription/sub_1 {KEY}", "there is no GET /subscription/sub_1"),
        (f"-X PUT $API/events {KEY}", "there is no PUT"),
        (f"-X POST $API/subscriptions/$ID/stream-tokenz {KEY}", "there is no POST"),
        (f"$API/events?kind=order.placed {KEY}", "has no parameter kind"),
        (f"$API/events?limit=many {KEY}", "must be a whole number"),
        (f"$API/streams/state {KEY}", "needs {'stream_id'}"),
        ("$API/events", "needs a key"),
        (f"$API/events {KEY} -H 'x-colour: red'", "has no headers {'x-colour'}"),
        (f"-X POST $API/events {KEY}", "no body"),
        (f"$API/events {KEY} -d '{{}}'", "needs a content-type"),
        (f'$API/events {KEY} {BODY} \'{{"type": "order.placed"}}\'', "/payload"),
        (f"$API/commands/$ID/cancel {KEY} {BODY} '{{}}'", "takes no body"),
        (f'$API/dead-letters/retry {KEY} {BODY} \'{{"code": "timeout"}}\'', "/code"),
        ("https://bus.example.com/events", "is not below"),
    ],
)
def test_what_the_api_refuses_is_found(command: str, said: str) -> None:
    [arguments] = commands(f"curl -s {command}", "curl")
    with pytest.raises((AssertionError, ValueError, InvalidRequest), match=re.escape(said)):
        check(request(arguments, {}))
