"""The TypeScript client: its types are those of the API, and its promises hold."""

import json
import os
import socket
import subprocess
import time
from pathlib import Path
from random import Random

import httpx
from event_bus_client import Webhook

from infra.built import ROOT
from tests.flaky_proxy import any_fault, flaky
from tests.processes import printed_by
from tests.unit.clients.http_bus import HttpBus, serving
from tests.unit.clients.typescript import SOURCE, modules
from tests.unit.docs.pages import program_named

__all__ = ["modules"]

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

PROGRAM = """
import { EventBus, Problem, SignatureError, Webhook } from "./index.js";
const [url, secret, headers, body, cut] = process.argv.slice(2);
const bus = new EventBus({ url, attempts: 30, timeout: 5000 });
const ids = [];
for (let n = 0; n < 30; n += 1) {
  ids.push((await bus.publish({ type: "order.placed", payload: { n }, metadata: {} })).id);
}
const seen = [];
const stopping = new AbortController();
for await (const received of bus.receive("sub_1", { signal: stopping.signal, limit: 10 })) {
  seen.push(received.event.payload.n);
  if (seen.length === 30) stopping.abort();
}
const verified = await new Webhook(["whsec_AAAA", secret]).verify(JSON.parse(headers), body);
const refusals = [];
const cases = [[secret, headers, body + " "], ["whsec_AAAA", headers, body], [secret, cut, "{"]];
for (const [given, signed, text] of cases) {
  await new Webhook(given).verify(JSON.parse(signed), text).catch((error) => {
    refusals.push(error instanceof SignatureError);
  });
}
console.log(JSON.stringify({ ids, seen, verified: verified.id, refusals }));
"""


def test_it_publishes_receives_and_verifies_through_faults(modules: Path) -> None:
    (modules / "program.mjs").write_text(PROGRAM)
    bus, chance = HttpBus(), Random(1)
    body = json.dumps({"id": "order-1", "type": "order.placed", "payload": {"\u00e4": 1}})
    headers = json.dumps(Webhook(SECRET).sign("order-1", int(time.time()), body.encode()))
    cut = json.dumps(Webhook(SECRET).sign("order-2", int(time.time()), b"{"))
    with serving(bus) as port, flaky(("127.0.0.1", port), lambda _: any_fault(chance)) as proxy:
        url = f"http://127.0.0.1:{proxy.port}"
        printed = printed_by("node", "program.mjs", url, SECRET, headers, body, cut, folder=modules)
    told = json.loads(printed)
    assert told["ids"] == list(bus.stored)
    assert list(dict.fromkeys(told["seen"])) == list(range(30))
    assert bus.acknowledged == 30
    assert (told["verified"], told["refusals"]) == ("order-1", [True, True, True])


MISLED = """
import { EventBus } from "./index.js";
const answers = JSON.parse(process.argv[2]);
const asked = [];
const fetch = async (url, options) => {
  asked.push([String(url), options.redirect]);
  const { status, headers, body, times } = answers.shift();
  return new Response(times ? body.repeat(times) : body, { status, headers });
};
const bus = new EventBus({ url: "https://bus.test", apiKey: "secret", attempts: 2, fetch });
const thrown = [];
while (answers.length > 1) {
  await bus.publish({ type: "a.b", payload: {}, metadata: {} }).catch((error) => {
    thrown.push([error.name, error.message]);
  });
}
let received = 0;
for await (const each of bus.receive("sub_1", { untilEmpty: true })) received += 1;
console.log(JSON.stringify({ asked, thrown, received }));
"""


def test_an_answer_of_another_server_is_named(modules: Path) -> None:
    def answer(status: int, body: str | None, **headers: str) -> dict[str, object]:
        return {"status": status, "body": body, "headers": headers}

    json_type = {"content-type": "application/json"}
    answers = [
        answer(200, "<title>Log in</title>", **{"content-type": "text/html"}),
        answer(200, "[]", **json_type),
        answer(200, '{"id": ', **json_type),
        answer(204, None),
        {**answer(200, "x" * 1024, **json_type), "times": 17 * 1024},
        answer(307, None, location="https://elsewhere.test/"),
        answer(200, '{"items": [], "lease": null}', **json_type),
    ]
    (modules / "misled.mjs").write_text(MISLED)
    told = json.loads(printed_by("node", "misled.mjs", json.dumps(answers), folder=modules))
    assert [name for name, _ in told["thrown"]] == ["UnexpectedAnswer"] * 5 + ["Problem"]
    assert "more than 16777216 bytes" in told["thrown"][4][1]
    assert "https://elsewhere.test/" in told["thrown"][5][1]
    # The key is sent nowhere else.
    assert {redirect for _, redirect in told["asked"]} == {"manual"}
    assert all(url.startswith("https://bus.test/") for url, _ in told["asked"])
    assert told["received"] == 0


def test_the_receiver_of_the_guide_survives_requests_that_break_off(modules: Path) -> None:
    program = program_named("typescript-receiver").text
    listening = ", () => console.log(server.address().port))"
    server = program.replace("createServer(", "const server = createServer(").replace(
        "listen(8080)", f'listen(0, "127.0.0.1"{listening}'
    )
    (modules / "server.mjs").write_text(server)
    body = json.dumps({"id": "order-1", "type": "order.placed", "payload": {}}).encode()
    headers = Webhook(SECRET).sign("order-1", int(time.time()), body)
    with subprocess.Popen(
        ["node", "server.mjs"],
        cwd=modules,
        env={**os.environ, "SIGNING_SECRET": SECRET},
        stdout=subprocess.PIPE,
        text=True,
    ) as running:
        try:
            assert running.stdout is not None
            port = int(running.stdout.readline())
            with socket.create_connection(("127.0.0.1", port), 60) as cut:
                cut.sendall(b"POST / HTTP/1.1\r\nhost: bus\r\ncontent-length: 9\r\n\r\n{")
                cut.shutdown(socket.SHUT_WR)
                while cut.recv(4096):
                    pass
            url = f"http://127.0.0.1:{port}"
            for _ in range(2):
                assert httpx.post(url, content=body, headers=headers, timeout=60).status_code == 204
        finally:
            running.kill()


def test_its_tools_are_those_of_the_project() -> None:
    ours, project = (
        json.loads((folder / "package.json").read_text())["devDependencies"]
        for folder in (SOURCE, ROOT)
    )
    assert {name: project[name] for name in ours} == ours
