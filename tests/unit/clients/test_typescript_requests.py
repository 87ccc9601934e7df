"""The TypeScript client repeats requests, reads lists, and says why a request failed."""

from pathlib import Path
from typing import Any

import pytest
from event_bus.strict_json import parse

from tests.unit.clients.typescript import modules, told

__all__ = ["modules"]


GATEWAY = """
const answers = [...given.answers];
const client = bus(() => answers.shift(), { attempts: 3 });
const [id] = [
  await client.publish({ type: "a.b", payload: {} }).then(
    (receipt) => receipt.id,
    (error) => [error.name, error.message, error.status, error.requestId],
  ),
];
say({ id, sent: asked.map((each) => each.body.id) });
"""
AUTHORIZER = {
    "status": 500,
    "body": {"message": "Internal Server Error"},
    "headers": {"apigw-requestid": "request-1"},
}


def test_an_answer_of_api_gateway_is_repeated_and_explained(modules: Path) -> None:
    said = told(modules, GATEWAY, {"answers": [AUTHORIZER, AUTHORIZER, {"body": {"id": "evt_1"}}]})
    assert said["id"] == "evt_1"
    assert len(said["sent"]) == 3
    assert len(set(said["sent"])) == 1
    name, message, *more = told(modules, GATEWAY, {"answers": [AUTHORIZER] * 3})["id"]
    assert (name, more) == ("Problem", [500, "request-1"])
    assert message == (
        "500 Internal Server Error: API Gateway gave this answer, not the bus. "
        "It could not call the bus, or got no answer from it."
    )


IN_PROGRESS = """
const client = bus(() => ({ status: 409, headers: given.headers }), { attempts: 4 });
const sent = client.request(given.method, given.path, { ids: { id: "p" }, body: {} });
const failed = await sent.catch((error) => error.status);
say({ failed, waits: timers.filter((each) => !ATTEMPT.has(each)), asked: asked.length });
"""


@pytest.mark.parametrize(("asked", "last"), [("7", 7_000), ("35", 20_000)])
def test_a_request_that_is_still_carried_out_is_asked_for_again(
    modules: Path, asked: str, last: int
) -> None:
    given = {"method": "POST", "path": "/replays", "headers": {"retry-after": asked}}
    said = told(modules, IN_PROGRESS, given)
    assert (said["failed"], said["asked"]) == (409, 4)
    *grown, final = said["waits"]
    assert all(each <= 500 for each in grown)
    # The last attempt comes when the first one has ended.
    assert final == last
    others: list[dict[str, Any]] = [
        {"headers": {}},
        {"method": "PATCH", "path": "/publishers/{id}"},
    ]
    for other in others:
        assert told(modules, IN_PROGRESS, {**given, **other})["asked"] == 1


BROWSER = """
// As the `fetch` of a browser does.
async function picky() {
  if (this !== undefined && this !== globalThis) throw new TypeError("Illegal invocation");
  return answer({ body: { id: "evt_1" } });
}
const receipts = [];
for (const options of [{ fetch: picky }, { fetch: undefined }]) {
  globalThis.fetch = picky;
  const client = bus(() => null, { attempts: 1, ...options });
  receipts.push((await client.publish({ type: "a.b", payload: {} })).id);
}
say(receipts);
"""


def test_it_calls_fetch_as_browsers_demand(modules: Path) -> None:
    assert told(modules, BROWSER) == ["evt_1", "evt_1"]


LISTED = """
const pages = [...given.pages];
const client = bus(() => ({ body: pages.shift() }));
const seen = [];
let failed = null;
try {
  for await (const each of client.list("/dead-letters", { query: given.query })) seen.push(each.n);
} catch (error) {
  failed = error.name;
}
say({ seen, failed, queries });
"""


def test_a_list_is_read_page_by_page(modules: Path) -> None:
    def page(next_cursor: str | None, *numbers: int) -> dict[str, Any]:
        return {"items": [{"n": each} for each in numbers], "next_cursor": next_cursor}

    given = {"pages": [page("c1", 1, 2), page("c2"), page(None, 3)], "query": {"limit": 2}}
    said = told(modules, LISTED, given)
    assert (said["seen"], said["failed"]) == ([1, 2, 3], None)
    assert said["queries"] == ["?limit=2", "?limit=2&cursor=c1", "?limit=2&cursor=c2"]
    # Something that is no list, and a list without an end.
    assert told(modules, LISTED, {"pages": [{"n": 1}]})["failed"] == "UnexpectedAnswer"
    endless = {"pages": [page("c1", 1), page("c1", 2), page("c1", 3)]}
    said = told(modules, LISTED, endless)
    assert (said["seen"], said["failed"]) == ([1, 2], "UnexpectedAnswer")


MISLED = """
const client = bus(() => null, {
  attempts: 1,
  fetch: async () =>
    new Response(given.body, { headers: given.type ? { "content-type": given.type } : {} }),
});
say(await client.request(...given.request).catch((error) => [error.name, error.message]));
"""
EVENT = {"body": {"type": "a.b", "payload": {}}}


@pytest.mark.parametrize(
    ("sent", "media_type", "body", "found"),
    [
        (["GET", "/events"], "text/html; charset=utf-8", "<p>Log in", "text/html, not JSON"),
        (["GET", "/events"], "application/json", '{"items": [', "application/json, not JSON"),
        (["DELETE", "/streams"], "image/png", "no", "image/png, not JSON"),
        (["POST", "/events", EVENT], "text/plain", "stored", "no JSON object"),
        (["POST", "/commands", EVENT], None, "", "no JSON object"),
    ],
)
def test_a_request_takes_no_answer_of_another_server(
    modules: Path, sent: list[object], media_type: str | None, body: str, found: str
) -> None:
    given = {"request": sent, "type": media_type, "body": body}
    asked = f"{sent[0]} {sent[1]} was answered with"
    assert told(modules, MISLED, given) == [
        "UnexpectedAnswer",
        f"{asked} {found}. Is this the URL of the bus?",
    ]


@pytest.mark.parametrize(
    "media_type", ["text/plain; version=0.0.4", "application/vnd.mermaid", "text/event-stream"]
)
def test_a_request_takes_the_texts_of_the_bus(modules: Path, media_type: str) -> None:
    given = {"request": ["GET", "/metrics"], "type": media_type, "body": "up 1"}
    assert told(modules, MISLED, given) == "up 1"


MISPLACED = """
const client = bus(() => ({ status: 204 }));
const failed = [];
const told = (error) => failed.push([error.name, error.status, error.detail]);
for (const id of ["", ".", "..", undefined]) {
  await client.request("DELETE", "/subscriptions/{id}", { ids: { id } }).catch(told);
  await client.receive(id).next().catch(told);
}
for (const key of ["...", "a/../b?c#d e"]) {
  await client.request("DELETE", "/contexts/{name}/{key}", { ids: { name: "n", key } });
}
say({ failed, paths: asked.map((each) => each.path) });
"""


def test_ids_cannot_leave_their_place_in_a_path(modules: Path) -> None:
    said = told(modules, MISPLACED)
    ids = ["", ".", "..", ""]
    assert said["failed"] == [
        ["Problem", 404, f'No id is "{each}".'] for each in ids for _ in range(2)
    ]
    assert said["paths"] == ["/contexts/n/...", "/contexts/n/a%2F..%2Fb%3Fc%23d%20e"]


CHANGED = """
const event = { type: "a.b", payload: { n: 1 } };
const answers = [{ status: 503 }, { body: { id: "evt_1" } }];
const client = bus(() => {
  event.payload.n += 1;
  return answers.shift();
});
await client.publish(event);
const cyclic = {};
cyclic.self = cyclic;
const failed = [];
for (const payload of [{ n: 1n }, cyclic]) {
  await client.publish({ type: "a.b", payload }).catch((error) => failed.push(error.name));
}
say({ sent: asked.map((each) => each.body.payload), failed });
"""


def test_each_attempt_sends_the_same(modules: Path) -> None:
    said = told(modules, CHANGED)
    assert said["sent"] == [{"n": 1}, {"n": 1}]
    # What is not JSON is a mistake of the program, which no attempt can mend.
    assert said["failed"] == ["TypeError", "TypeError"]


WRITTEN = """
const bodies = [];
const keeping = async (_, { body }) => {
  bodies.push(body);
  return answer({ body: {} });
};
await bus(null, { fetch: keeping }).publish({ id: "a", type: "a.b", payload: { text: given } });
say(bodies);
"""


def test_the_bus_reads_every_text_that_it_writes(modules: Path) -> None:
    text = "a\\\ufffd\\ \U0001f600 \\ufffd"
    [body] = told(modules, WRITTEN, text)
    assert parse(body)["payload"] == {"text": text}


UNANSWERED = """
const failures = [];
const cause = Object.assign(new Error(""), { code: "ECONNREFUSED" });
const causes = [new TypeError("fetch failed", { cause }), new Error("broken")];
for (const error of causes) {
  const client = bus(() => { throw error; }, { attempts: 1 });
  await client.request("GET", "/events").catch((failure) => failures.push(failure.message));
}
inTime = () => true;
const silent = bus((_, signal) => new Promise((_, reject) => {
  // As `fetch` does.
  signal.addEventListener("abort", () => reject(signal.reason));
  if (signal.aborted) reject(signal.reason);
}), { attempts: 1 });
await silent.request("GET", "/events").catch((failure) => failures.push(failure.message));
const stopped = silent.publish({ type: "a.b", payload: {} }, { signal: AbortSignal.abort() });
await stopped.catch((failure) => failures.push(failure.name));
say(failures);
"""


def test_it_says_why_no_answer_came(modules: Path) -> None:
    refused, broken, late, stopped = told(modules, UNANSWERED)
    assert refused == "GET /events got no answer in 1 attempts: ECONNREFUSED"
    assert broken == "GET /events got no answer in 1 attempts: broken"
    assert late == "GET /events got no answer in 1 attempts: no complete answer within 5 s"
    assert stopped == "AbortError"


CONFLICT = """
const client = bus(() => ({ status: 409, body: given }));
const { kind, actualVersion, instance } = await client
  .publish({ type: "a.b", payload: {}, stream: { id: "order/1", expected_version: 2 } })
  .catch((error) => error);
say([kind, actualVersion, instance]);
"""


def test_a_version_conflict_tells_the_version(modules: Path) -> None:
    problem = {
        "type": "urn:event-bus:problem:version-conflict",
        "title": "The stream has another version",
        "actual_version": 3,
        "instance": "/events",
    }
    assert told(modules, CONFLICT, problem) == ["version-conflict", 3, "/events"]
