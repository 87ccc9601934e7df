"""Hostile text in a path, query, header or payload has no effect elsewhere."""

import socket
import ssl
from urllib.parse import quote, urlsplit

import httpx
import orjson
import pytest
from event_bus.api.operations.registry import OPERATIONS

from tests.end_to_end.everything import lines
from tests.end_to_end.receiver import eventually
from tests.end_to_end.test_inboxes import events_of
from tests.end_to_end.world import Client, World

HOSTILE = [
    "x\r\nx-injected: 1",
    "x\nx-injected: 1",
    "x\x00",
    "\x1b[2J\x1b[31m",
    "\u202egnp.exe",
    "\u2066x",
    "x\u2028y",
    "../../health/live",
    "{id}",
    "$(id)",
    "%s%n",
    "'; drop table events; --",
    "<script>",
    "\ud83d\ude00" * 100,
]
READS = [each.path for each in OPERATIONS if each.method == "GET" and "{id}" in each.path]


def harmless(answer: httpx.Response) -> None:
    """Checks that an answer is a refusal, and that its headers contain nothing of the request."""
    assert 400 <= answer.status_code < 500, (answer.status_code, answer.text)
    assert "x-injected" not in answer.headers
    assert answer.json()


@pytest.mark.parametrize("path", READS)
def test_a_hostile_path_finds_nothing(world: World, path: str) -> None:
    for text in HOSTILE:
        name = quote(text.encode("utf-16", "surrogatepass").decode("utf-16"), safe="")
        harmless(world.admin.http.get(path.replace("{id}", name).replace("{key_id}", name)))
    harmless(world.admin.http.get(path.replace("{id}", "x" * 3000)))


@pytest.mark.parametrize("name", ["type", "correlation_id", "cursor", "source", "x\r\ny: 1"])
def test_a_hostile_query_is_refused_or_finds_nothing(world: World, name: str) -> None:
    for text in HOSTILE[:8]:
        answer = world.admin.http.get("/events", params={name: text})
        assert answer.status_code < 500
        assert "x-injected" not in answer.headers
        assert answer.json().get("items", []) == []


def raw(world: World, *headers: bytes) -> bytes:
    """Sends a request for `/events` with these exact headers; returns the answer."""
    url = urlsplit(world.bus.api_url)
    assert url.hostname
    assert url.port
    context = ssl.create_default_context()
    with (
        socket.create_connection((url.hostname, url.port), 30) as plain,
        context.wrap_socket(plain, server_hostname=url.hostname) as connection,
    ):
        first = f"GET {url.path}/events HTTP/1.1\r\nhost: {url.netloc}\r\nconnection: close\r\n"
        connection.sendall(first.encode() + b"".join(each + b"\r\n" for each in headers) + b"\r\n")
        answer = b""
        while part := connection.recv(65_536):
            answer += part
    return answer


@pytest.mark.parametrize(
    "value",
    [b"\x1b[31m", b"\xff\xfe", b"a\tb", "\u202ekey".encode(), b"x" * 5000, b"ebk_\x7f", b"", b" "],
)
@pytest.mark.parametrize("name", [b"x-api-key: ", b"authorization: Bearer "])
def test_a_hostile_header_identifies_no_caller(world: World, name: bytes, value: bytes) -> None:
    answer = raw(world, name + value)
    assert answer.split(b" ", 2)[1] in (b"400", b"401", b"431"), answer[:200]
    assert b"\x1b" not in answer


@pytest.mark.parametrize("value", [b"\x1b[31m", b"\xff\xfe", b"x" * 2000, b"00-zz", b"-"])
@pytest.mark.parametrize("name", ["traceparent", "tracestate", "x-correlation-id", "x-request-id"])
def test_a_hostile_header_beside_a_key_changes_nothing(
    world: World, name: str, value: bytes
) -> None:
    key = b"x-api-key: " + world.admin.key.encode()
    answer = raw(world, key, name.encode() + b": " + value)
    assert answer.split(b" ", 2)[1] in (b"200", b"400", b"431"), answer[:200]


def test_a_payload_adds_nothing_to_a_stream_or_a_request(
    world: World, service: Client, domain: str
) -> None:
    hostile = {
        "text": "\n\nevent: forged\ndata: {}\n\nid: 99\r\r\u2028\u2029\x85\x00",
        "\r\nx-injected": "1",
        "turned": "\u202e\u2066",
    }
    receiver = world.receiver()
    service.subscribe(receiver, f"{domain}.*")
    made = service.http.post(
        "/subscriptions", json={"event_types": [f"{domain}.*"], "target": {"type": "sse"}}
    )
    metadata = {"other": "\n\nevent: forged\r\nx-injected: 1", "tracestate": "vendor=1"}
    event_id = service.publish(f"{domain}.created", hostile, metadata=metadata)
    request = receiver.wait_for_event(event_id)
    assert request.event["payload"] == hostile
    assert request.event["metadata"]["other"] == metadata["other"]
    assert "x-injected" not in request.headers
    path = f"/subscriptions/{made.json()['id']}/stream"
    [block] = eventually(
        lambda: events_of(service.http.get(path, params={"cursor": "0", "wait": "1"}).text)
    )
    assert (block["id"], block["event"]) == ("1", f"{domain}.created")
    assert orjson.loads(block["data"])["payload"] == hostile
    assert service.event(event_id)["payload"] == hostile


def test_hostile_text_adds_no_line_to_the_logs(world: World) -> None:
    told = [line for group, line in lines(world.bus) if "access" not in group.lower()]
    own = [line for line in told if line.startswith("{")]
    assert own
    for line in own:
        # Beside the log there are metrics, in the format of CloudWatch.
        assert orjson.loads(line).keys() & {"level", "_aws"}
        assert not any(each in line for each in ("\x1b", "\x00", "\r", "\u202e"))
