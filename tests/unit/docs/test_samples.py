"""What the guides show is true: requests can be read, answers are as described, code runs."""

import json
import os
import re
import subprocess
import sys
import time
from typing import Any

import httpx
import jsonschema_rs
import pytest
from event_bus.api.openapi import read_document
from event_bus.errors import InvalidRequest
from event_bus.model.event import EventSubmission
from event_bus.model.validation import read
from event_bus.security.signatures import new_secret, signed_headers

from infra.built import ROOT

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]

# The samples of docs/api.md in their order.
SCHEMAS = (
    "Problem",
    "EventSubmission",
    "AcceptedEvent",
    "BatchResult",
    "Event",
    "EventPage",
    "PublisherRegistration",
    "SubscriptionRegistration",
    "Health",
)


def samples(page: str, language: str) -> list[str]:
    """The fenced samples of a page that are of a language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", (ROOT / page).read_text(), re.M | re.S)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_sample_of_json_is_json(page: Any) -> None:
    for sample in samples(str(page.relative_to(ROOT)), "json"):
        json.loads(sample)


def test_the_samples_of_the_api_are_as_it_describes_them() -> None:
    components = read_document()["components"]
    shown = [json.loads(sample) for sample in samples("docs/api.md", "json")]
    assert len(shown) == len(SCHEMAS)
    for name, value in zip(SCHEMAS, shown, strict=True):
        schema = {"$ref": f"#/components/schemas/{name}", "components": components}
        jsonschema_rs.validate(schema, value)


def test_the_sample_of_an_error_is_what_such_a_request_is_told() -> None:
    shown = json.loads(samples("docs/api.md", "json")[0])
    sent = {
        "type": "order placed",
        "payload": {},
        "metadata": {"retry_count": -1},
        "colour": "red",
    }
    with pytest.raises(InvalidRequest) as refused:
        read(EventSubmission, sent)
    assert refused.value.document() == {
        name: value for name, value in shown.items() if name not in ("instance", "request_id")
    }


def test_the_sample_of_a_receiver_takes_what_is_signed_alone(free_port: int) -> None:
    [code] = samples("docs/webhooks.md", "python")
    secret = new_secret()
    body = json.dumps({"type": "order.placed", "payload": {"total": 250}}).encode()
    server = subprocess.Popen(
        [sys.executable, "-u", "-c", code.replace("8080", str(free_port))],
        env={**os.environ, "SIGNING_SECRET": secret},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        good = signed_headers("order-1", int(time.time()), body, secret)
        bad = signed_headers("order-1", int(time.time()), body, new_secret())
        assert [_posted(free_port, body, headers) for headers in (good, bad, {})] == [204, 401, 401]
    finally:
        server.terminate()
        printed, _ = server.communicate(timeout=10)
    assert printed == "order.placed {'total': 250}\n"


def _posted(port: int, body: bytes, headers: dict[str, str]) -> int:
    deadline = time.monotonic() + 20
    while True:
        try:
            return httpx.post(f"http://127.0.0.1:{port}", content=body, headers=headers).status_code
        except httpx.ConnectError:
            # It has yet to start.
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
