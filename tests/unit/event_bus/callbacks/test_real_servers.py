"""Callbacks are made to servers that others wrote."""

import asyncio
import socket
import subprocess
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from ipaddress import ip_network
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import hypercorn.asyncio
import pytest
from event_bus.callbacks.client import CallbackClient
from event_bus.callbacks.failures import Unanswered
from hypercorn.config import Config

from tests.waiting import ending, join

HERE = [ip_network("127.0.0.0/8")]
KEEP_ALIVE_SECONDS = 0.3

Send = Callable[[dict[str, Any]], Awaitable[None]]
Receive = Callable[[], Awaitable[dict[str, Any]]]


async def application(scope: dict[str, Any], receive: Receive, send: Send) -> None:
    """Answers by what the path asks for."""
    if scope["type"] == "lifespan":
        while (message := await receive())["type"] != "lifespan.shutdown":
            await send({"type": f"{message['type']}.complete"})
        await send({"type": "lifespan.shutdown.complete"})
        return
    body = b""
    while (message := await receive())["type"] == "http.request":
        body += message["body"]
        if not message["more_body"]:
            break
    asked = scope["path"].strip("/")
    if asked == "fails":
        raise RuntimeError("an application that fails")
    await send({"type": "http.response.start", "status": 200, "headers": []})
    for _ in range(3):
        await send({"type": "http.response.body", "body": body, "more_body": True})
    if asked == "breaks":
        raise RuntimeError("an application that fails within its answer")
    await send({"type": "http.response.body", "body": b""})


@contextmanager
def hypercorn_server() -> Iterator[str]:
    """Hypercorn with the application, until the end of the block: its URL."""
    config = Config()
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    config.bind = [f"127.0.0.1:{port}"]
    config.keep_alive_timeout = KEEP_ALIVE_SECONDS
    config.loglevel = "CRITICAL"
    serving = threading.Event()
    over = threading.Event()

    async def serve() -> None:
        async def shut_down() -> None:
            serving.set()
            while not over.is_set():
                await asyncio.sleep(0.02)

        await hypercorn.asyncio.serve(application, config, shutdown_trigger=shut_down)  # type: ignore[arg-type]

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    try:
        assert serving.wait(10)
        yield f"http://127.0.0.1:{port}"
    finally:
        over.set()
        thread.join(10)
        assert not thread.is_alive()


def test_answers_of_hypercorn_are_taken() -> None:
    client = CallbackClient(HERE)
    with hypercorn_server() as url:
        for _ in range(3):
            answer = client.exchange("POST", url, {}, 5, b"{}")
            assert (answer.status, answer.begun) == (200, "{}{}{}")
        assert client.exchange("POST", url + "/fails", {}, 5, b"{}").status == 500
        with pytest.raises(Unanswered) as refused:
            client.exchange("POST", url + "/breaks", {}, 5, b"{}")
        assert refused.value.code == "connection_broken"
        client.pools.clear()


@pytest.mark.parametrize(
    ("repeatable", "pauses"),
    [
        (True, (0, 0.5, 1, 2)),
        # One that may arrive once is lost if the server ends the connection at that very moment.
        (False, (0, 2, 3)),
    ],
)
def test_a_connection_that_hypercorn_ended_breaks_no_request(
    repeatable: bool, pauses: tuple[float, ...]
) -> None:
    client = CallbackClient(HERE)
    with hypercorn_server() as url:
        for pause in pauses:
            time.sleep(pause * KEEP_ALIVE_SECONDS)
            answer = client.exchange("POST", url, {}, 5, b"{}", repeatable=repeatable)
            assert answer.status == 200
        client.pools.clear()


_NODE = """
const server = require("node:http").createServer((request, response) => {
  response.writeProcessing();
  response.writeEarlyHints({ link: "</style.css>; rel=preload" });
  request.resume().on("end", () => response.writeHead(202).end("accepted"));
});
server.listen(0, "127.0.0.1", () => console.log(server.address().port));
"""


def test_early_hints_of_node_are_skipped() -> None:
    client = CallbackClient(HERE)
    with subprocess.Popen(["node", "-e", _NODE], stdout=subprocess.PIPE, text=True) as node:
        assert node.stdout
        try:
            with ending(node):
                url = f"http://127.0.0.1:{int(node.stdout.readline())}/"
                answers = [client.exchange("POST", url, {}, 5, b"{}") for _ in range(3)]
        finally:
            node.kill()
    assert [(each.status, each.begun) for each in answers] == [(202, "accepted")] * 3


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class _Quiet(WSGIRequestHandler):
    def log_message(self, *_: object) -> None:
        """Keeps quiet."""


def test_answers_of_http_1_0_are_taken() -> None:
    def answer(environ: dict[str, Any], start: Callable[..., Any]) -> list[bytes]:
        start("200 OK", [("content-type", "text/plain")])
        return [environ["wsgi.input"].read(2)]

    client = CallbackClient(HERE)
    with make_server("127.0.0.1", 0, answer, _Server, _Quiet) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        url = f"http://127.0.0.1:{server.server_port}/"
        answers = [client.exchange("POST", url, {}, 5, b"{}") for _ in range(3)]
        server.shutdown()
        join(thread)
    assert [(each.status, each.begun) for each in answers] == [(200, "{}")] * 3
