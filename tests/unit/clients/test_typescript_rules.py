"""The TypeScript client keeps the rules of the Python client: leases, waits, and repetitions."""

import json
import time
from pathlib import Path
from typing import Any

import pytest
from event_bus_client import Webhook

from tests.unit.clients.typescript import modules, told

__all__ = ["modules"]

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


LOST = """
// A third of the lease is over at once; its end does not come.
let seen = () => {};
const renewals = () => timers.filter((each) => each === 20_000).length;
inTime = (milliseconds) => milliseconds === 20_000 && renewals() <= given.renewals;
const pulls = [leased, empty];
const extended = [...given.answers];
const client = bus(({ method, body }) => {
  if (method === "GET") return pulls.shift();
  return { status: "extend" in body ? extended.shift() : 204 };
}, { attempts: 1 });
const received = [];
for await (const { cursor } of client.receive("sub_1", { lease: 60, untilEmpty: true })) {
  received.push(cursor);
  // After each answer to a renewal, the timer of the next one starts.
  while (renewals() <= given.renewals) await new Promise(setImmediate);
}
say({ received, told: asked.filter((each) => each.method === "POST").map((each) => each.body) });
"""


@pytest.mark.parametrize(
    ("answers", "received"),
    [
        ([409], ["1"]),
        ([404], ["1"]),
        ([204, 409], ["1"]),
        ([204, 204], ["1", "2", "3"]),
        # Nobody else has the lease because of an answer that says nothing about it.
        ([503], ["1", "2", "3"]),
        ([429, 500, 204], ["1", "2", "3"]),
    ],
)
def test_it_yields_no_event_of_a_lease_that_is_lost(
    modules: Path, answers: list[int], received: list[str]
) -> None:
    said = told(modules, LOST, {"answers": answers, "renewals": len(answers)})
    assert said["received"] == received
    assert said["told"][:-1] == [{"lease": "lease_1", "extend": 60}] * len(answers)
    # What was handled is acknowledged.
    assert said["told"][-1] == {"lease": "lease_1", "cursor": received[-1]}


OVERDUE = """
inTime = () => false;
const client = bus(({ method }) => (method === "GET" ? pulls.shift() : { status: 204 }));
const pulls = [leased, empty];
const received = [], now = performance.now.bind(performance);
for await (const { cursor } of client.receive("sub_1", { lease: 60, untilEmpty: true })) {
  received.push(cursor);
  performance.now = () => now() + 60_000;
}
say(received);
"""


def test_it_yields_no_event_after_the_end_of_a_lease(modules: Path) -> None:
    assert told(modules, OVERDUE) == ["1"]


def test_it_renews_a_lease_for_a_bounded_time(modules: Path) -> None:
    program = LOST.replace("lease: 60,", "lease: 60, renew: 0,").replace(
        "while (renewals() <= given.renewals)", "for (let turn = 0; turn < 20; turn += 1)"
    )
    said = told(modules, program, {"answers": [204], "renewals": 1})
    assert said["told"] == [{"lease": "lease_1", "cursor": "3"}]


LEFT = """
inTime = (milliseconds) => milliseconds === 20_000;
let begun = false;
const client = bus(({ method, body }, signal) => {
  if (method === "GET") return leased;
  if ("cursor" in body) return { status: 204 };
  begun = true;
  return new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
});
const received = client.receive("sub_1", { lease: 60 });
await received.next();
await received.next();
// The timer of a renewal keeps no program running.
while (!begun) await new Promise(setImmediate);
await received.return();
say(asked.filter((each) => each.method === "POST").map((each) => each.body));
"""


def test_a_renewal_ends_when_the_loop_is_left(modules: Path) -> None:
    told_bus = [{"lease": "lease_1", "extend": 60}, {"lease": "lease_1", "cursor": "1"}]
    assert told(modules, LEFT) == told_bus


ABANDONED = """
inTime = () => false;
const client = bus(() => leased);
const { value } = await client.receive("sub_1").next();
say(value.cursor);
"""


def test_a_program_ends_although_it_has_left_its_iterator(modules: Path) -> None:
    assert told(modules, ABANDONED) == "1"


WAITS = """
const client = bus(() => given.shift() ?? empty, { attempts: 1 });
for await (const each of client.receive("sub_1", { wait: 20, untilEmpty: true })) say(each);
say(timers);
"""


def test_it_waits_between_pulls_as_long_as_the_bus_asks(modules: Path) -> None:
    def refusal(status: int, asked: str) -> dict[str, object]:
        return {"status": status, "headers": {"retry-after": asked}, "body": {"title": "Later"}}

    answers = [
        refusal(503, "7"),
        refusal(429, "40"),
        refusal(409, "2"),
        refusal(503, "86400"),
        refusal(503, "1e300"),
        refusal(503, "0"),
        refusal(503, ""),
        refusal(503, "Fri, 27 Nov 2026 16:00:00 GMT"),
        {"body": "a page for logging in"},
    ]
    said = told(modules, WAITS, answers)
    # An attempt may take longer than the bus waits, whatever the timeout of other requests is.
    assert said[::2] == [35_000] * 10
    asked = [7_000, 40_000, 2_000]
    # Up to a second more, so that consumers that were refused together do not come back together.
    extra = [wait - each for wait, each in zip(said[1:7:2], asked, strict=True)]
    assert all(0 <= each < 1_000 for each in extra)
    assert len(set(extra)) == 3
    assert said[7::2] == [60_000, 60_000, *[1_000] * 4]


REFUSED = """
const client = bus(({ method }) => (method === "GET" ? pulls.shift() : acks.shift()));
const pulls = [leased, given, empty], acks = [{ status: 409 }];
const received = [];
let failed = null;
try {
  for await (const each of client.receive("sub_1", { untilEmpty: true })) {
    received.push(each.cursor);
  }
} catch (error) {
  failed = [error.name, error.status];
}
say([received, failed]);
"""


@pytest.mark.parametrize(
    ("answer", "failed"),
    [
        ({"status": 409, "headers": {"retry-after": "1"}}, None),
        ({"status": 409}, 409),
        ({"status": 409, "headers": {"retry-after": "soon"}}, 409),
        ({"status": 413, "headers": {"retry-after": "1"}}, 413),
    ],
)
def test_it_waits_only_for_the_lease_of_another_consumer(
    modules: Path, answer: dict[str, object], failed: int | None
) -> None:
    received, thrown = told(modules, REFUSED, answer)
    # A refused acknowledgement ends nothing.
    assert received == ["1", "2", "3"]
    assert thrown == (failed and ["Problem", failed])


STOPPED = """
inTime = () => false;
const stopping = new AbortController();
const client = bus(() => given.answer, { attempts: 2 });
// The pause has begun once its timer has started.
const stop = async (pause) => {
  while (!timers.some(pause)) await new Promise(setImmediate);
  stopping.abort();
};
const stopped = stop((each) => !ATTEMPT.has(each));
const { signal } = stopping;
const ended = await {
  receive: async () => {
    for await (const each of client.receive("sub_1", { signal })) say(each);
    return "ended";
  },
  request: () => client.request("GET", "/events", { signal }).catch((error) => error.name),
}[given.by]();
await stopped;
say([ended, asked.length]);
"""


@pytest.mark.parametrize(
    ("by", "answer", "ended"),
    [
        ("receive", {"status": 503, "headers": {"retry-after": "50"}}, "ended"),
        ("receive", {"status": 409, "headers": {"retry-after": "1"}}, "ended"),
        ("receive", {"body": {"items": [], "lease": None}}, "ended"),
        ("request", {"status": 503}, "AbortError"),
        ("request", {"status": 429, "headers": {"retry-after": "10"}}, "AbortError"),
    ],
)
def test_a_pause_ends_when_the_program_stops(
    modules: Path, by: str, answer: dict[str, object], ended: str
) -> None:
    assert told(modules, STOPPED, {"by": by, "answer": answer}) == [ended, 1]


WAITING = """
const stopping = new AbortController();
const client = bus((_, signal) => new Promise((_, reject) => {
  signal.addEventListener("abort", () => reject(signal.reason));
  stopping.abort();
}));
const { done } = await client.receive("sub_1", { signal: stopping.signal }).next();
say([done, asked.length]);
"""


def test_a_pull_that_waits_ends_when_the_program_stops(modules: Path) -> None:
    assert told(modules, WAITING) == [True, 1]


REPEATED = """
const answers = [{ status: 503 }, { status: 503 }, { body: {} }];
const client = bus(() => ({ ...given.refused, ...(answers.shift() ?? { body: {} }) }));
let failed = null;
await client.request(...given.request).catch((error) => {
  failed = [error.name, error.status, error.requestId, error.retryAfter];
});
say({ failed, bodies: asked.map((each) => each.body), keys: asked.map((each) => each.headers) });
"""


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/events", {"type": "a.b", "payload": {}}),
        ("/events", [{"type": "a.b", "payload": {}}, {"type": "a.b", "id": "own"}]),
        ("/commands", {"type": "a.b", "payload": {}}),
        ("/streams/events", {"stream_id": "a/1", "events": [{"type": "a.b"}, {"type": "a.c"}]}),
    ],
)
def test_a_repeated_request_publishes_its_events_once(
    modules: Path, path: str, body: object
) -> None:
    said = told(modules, REPEATED, {"request": ["POST", path, {"body": body}]})
    assert said["failed"] is None
    first, *others = said["bodies"]
    assert others == [first, first]
    events = first if isinstance(first, list) else first.get("events", [first])
    ids = [each["id"] for each in events]
    assert len(set(ids)) == len(ids)
    assert all(each == "own" or each.startswith("evt_") for each in ids)
    assert len({each["idempotency-key"] for each in said["keys"]}) == 1


def test_what_would_contradict_itself_is_not_repeated(modules: Path) -> None:
    ids = {"name": "c", "key": "k"}
    body = {"value": 1, "expected_version": 2}
    headers = {"apigw-requestid": "request-1", "retry-after": "3"}
    given: dict[str, Any] = {
        "request": ["PUT", "/contexts/{name}/{key}", {"ids": ids, "body": body}]
    }
    said = told(modules, REPEATED, {**given, "refused": {"headers": headers}})
    assert said["failed"] == ["Problem", 503, "request-1", 3]
    assert len(said["bodies"]) == 1
    limited = REPEATED.replace("status: 503", "status: 429")
    assert len(told(modules, limited, given)["bodies"]) == 3
    given["request"][2]["body"] = {"value": 1}
    assert len(told(modules, REPEATED, given)["bodies"]) == 3


CONFIGURED = """
const refused = [];
for (const options of given) {
  try {
    bus(() => empty, options);
  } catch (error) {
    refused.push([error.name, error.message]);
  }
}
const options = { url: " https://bus.test/\\n", apiKey: "k\\r\\n" };
await bus(() => empty, options).request("GET", "/events");
say({ refused, asked });
"""


def test_a_url_or_key_that_is_not_valid_is_refused(modules: Path) -> None:
    urls = ["bus.test", "https://", "https://[::1", "https://bus:port", "http:///events", "ftp://b"]
    urls += ["https://bus/?a=b", "https://bus#a", "https://user:hidden@bus"]
    urls += ["ebk_1.hidden", "https:/ebt_hidden"]
    keys = ["schlüssel", "a\nb", "k\x7f"]
    given = [*({"url": each} for each in (*urls, None)), *({"apiKey": each} for each in keys)]
    said = told(modules, CONFIGURED, given)
    assert [name for name, _ in said["refused"]] == ["ConfigurationError"] * 15
    assert "hidden" not in str(said["refused"])
    for key, (_, message) in zip(keys, said["refused"][12:], strict=True):
        assert key not in message
    assert said["asked"][0]["headers"]["x-api-key"] == "k"
    assert said["asked"][0]["path"] == "/events"


VERIFIED = """
const webhook = new Webhook(given.secret);
const forms = [given.headers, new Headers(given.headers), given.capital];
say(await Promise.all(forms.map(async (each) => (await webhook.verify(each, given.body)).id)));
"""


def test_it_reads_headers_as_the_runtime_has_them(modules: Path) -> None:
    body = json.dumps({"id": "order-1", "type": "order.placed"})
    headers = Webhook(SECRET).sign("order-1", int(time.time()), body.encode())
    capital = {name.title(): value for name, value in headers.items()}
    given = {"secret": SECRET, "headers": headers, "capital": capital, "body": body}
    assert told(modules, VERIFIED, given) == ["order-1"] * 3


CHECKED = """
const webhook = new Webhook(given.secret);
const bytes = Uint8Array.from(given.body);
const text = new TextDecoder().decode(bytes);
const refusal = async (made) => made.then(() => null, (error) => [error.name, error.message]);
say([
  await webhook.check(given.headers, bytes),
  await refusal(webhook.verify(given.headers, text)),
  await refusal(webhook.check(given.headers, bytes.slice(1))),
]);
"""


@pytest.mark.parametrize("body", [b"\x89PNG\xff\x00", b"5", b"null", b'"text"', b'{"total": 5}'])
def test_it_checks_the_signature_of_any_body(modules: Path, body: bytes) -> None:
    headers = Webhook(SECRET).sign("order-1", int(time.time()), body)
    given = {"secret": SECRET, "headers": headers, "body": list(body)}
    checked, read, cut = told(modules, CHECKED, given)
    assert checked == "order-1"
    assert read[0] == cut[0] == "SignatureError"
    # `verify` takes text. Decoding changes bytes that are not UTF-8, so no signature fits.
    assert ("use check" in read[1]) is (not body.startswith(b"\x89"))
