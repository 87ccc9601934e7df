"""What a service gives to the background publisher is published once, in order, or told of."""

import errno
import json
import math
import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from event_bus_client import (
    BackgroundPublisher,
    ConfigurationError,
    EventBus,
    Forbidden,
    NewEvent,
    Problem,
    PublisherClosed,
    QueueFull,
    RetryPolicy,
    background,
)

from tests.waiting import join

AT = "2026-05-01T12:00:00.000Z"


class Bus:
    """A bus that can be closed for a while, and refuses the types of one domain."""

    def __init__(self) -> None:
        self.open = threading.Event()
        self.open.set()
        self.stored: list[str] = []
        self.batches: list[int] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if not self.open.wait(0.01):
            return httpx.Response(503)
        sent = json.loads(request.content)
        self.batches.append(len(sent))
        results = [self._outcome(each) for each in sent]
        return httpx.Response(207, json={"accepted": 0, "refused": 0, "results": results})

    def _outcome(self, event: dict[str, Any]) -> dict[str, Any]:
        if event["type"].startswith("secret."):
            problem = {"type": "urn:event-bus:problem:forbidden", "title": "No", "detail": "no"}
            return {"status": 403, "error": problem}
        self.stored.append(event["id"])
        return {
            "status": 202,
            "id": event["id"],
            "type": event["type"],
            "source": "shop",
            "timestamp": AT,
            "created_at": AT,
        }


def fill(publisher: BackgroundPublisher, given: list[str]) -> None:
    """Publishes until the queue is full."""
    while True:
        given.append(publisher.publish("order.placed", {}))


def client(bus: Callable[[httpx.Request], httpx.Response]) -> EventBus:
    return EventBus(
        "https://bus.example",
        retries=RetryPolicy(attempts=1),
        transport=httpx.MockTransport(bus),
    )


def test_events_go_out_in_order_and_in_batches() -> None:
    bus = Bus()
    with BackgroundPublisher(client(bus), flush_seconds=5) as publisher:
        ids = [publisher.publish("order.placed", {"n": n}) for n in range(350)]
        assert publisher.flush(30)
        assert bus.stored == ids
    assert sum(bus.batches) == 350
    assert max(bus.batches) == 100


def test_an_event_alone_is_sent_after_a_moment() -> None:
    bus = Bus()
    with BackgroundPublisher(client(bus), flush_seconds=0.01) as publisher:
        publisher.publish("order.placed", {})
        with publisher._changed:
            assert publisher._changed.wait_for(lambda: bus.stored, 30)


def test_a_refused_event_is_reported_and_delays_no_other() -> None:
    refused: list[tuple[str, Problem]] = []

    def note(event: NewEvent, problem: Problem) -> None:
        refused.append((event.type, problem))

    bus = Bus()
    with BackgroundPublisher(client(bus), on_refused=note) as publisher:
        publisher.publish("secret.made", {})
        after = publisher.publish("order.placed", {})
    assert bus.stored == [after]
    [(kind, problem)] = refused
    assert kind == "secret.made"
    assert isinstance(problem, Forbidden)


@pytest.mark.parametrize("status", [400, 413, 422])
def test_a_refusal_of_a_whole_batch_refuses_only_the_event_at_fault(status: int) -> None:
    refused: list[str | None] = []
    bus = Bus()

    def answers(request: httpx.Request) -> httpx.Response:
        if b"at fault" in request.content:
            return httpx.Response(status, json={"title": "No"})
        return bus(request)

    publisher = BackgroundPublisher(
        client(answers), flush_seconds=60, on_refused=lambda event, _: refused.append(event.id)
    )
    with publisher:
        given = [publisher.publish("order.placed", {"n": n}) for n in range(5)]
        bad = publisher.publish("order.placed", {"n": "at fault"})
        given += [publisher.publish("order.placed", {"n": n}) for n in range(5)]
    assert bus.stored == given
    assert refused == [bad]


def test_events_wait_while_the_bus_refuses_the_key(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    asked: list[int] = []

    def refuses(request: httpx.Request) -> httpx.Response:
        asked.append(len(json.loads(request.content)))
        return httpx.Response(401, json={"title": "No"})

    def report(event: NewEvent, refusal: Problem) -> None:
        raise AssertionError(f"{event.id} was refused: {refusal}")

    file = tmp_path / "spool"
    first = BackgroundPublisher(client(refuses), flush_seconds=60, spool=file, on_refused=report)
    given = [first.publish("order.placed", {}) for _ in range(9)]
    assert not first.close(timeout=0.2)
    # The key is not tried for each event.
    assert asked == [9]
    assert "publishing failed, 9 events wait" in caplog.text
    bus = Bus()
    with BackgroundPublisher(client(bus), spool=file) as second:
        assert second.flush(30)
    assert bus.stored == given


def test_a_callback_that_fails_stops_no_other_event(caplog: pytest.LogCaptureFixture) -> None:
    def fail(event: NewEvent, problem: Problem) -> None:
        raise RuntimeError("a fault of the program")

    bus = Bus()
    with BackgroundPublisher(client(bus), on_refused=fail) as publisher:
        refused = publisher.publish("secret.made", {})
        assert publisher.flush(30)
        after = publisher.publish("order.placed", {})
        assert publisher.flush(30)
    assert bus.stored == [after]
    assert f"on_refused failed for event {refused}" in caplog.text


def test_a_report_may_close_its_publisher() -> None:
    closed = threading.Event()

    def close(event: NewEvent, problem: Problem) -> None:
        publisher.close()
        closed.set()

    publisher = BackgroundPublisher(client(Bus()), on_refused=close)
    publisher.publish("secret.made", {})
    assert closed.wait(10)


@pytest.mark.parametrize(
    "payload",
    [{"of": object()}, {"text": "\ud800"}, {"n": math.nan}, {"of": [{"n": -math.inf}]}],
)
def test_a_payload_that_is_not_json_is_refused_at_once(payload: dict[str, Any]) -> None:
    bus = Bus()
    with BackgroundPublisher(client(bus)) as publisher:
        with pytest.raises(ValueError, match=r"serialize|surrogate|JSON compliant"):
            publisher.publish("order.placed", payload)
        after = publisher.publish("order.placed", {})
    assert bus.stored == [after]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_nobody_waits_for_a_publisher_that_has_failed() -> None:
    closed = client(Bus())
    closed.close()
    publisher = BackgroundPublisher(closed, queue_size=1, batch_size=1)
    publisher.publish("order.placed", {})
    join(publisher._thread)
    with pytest.raises(PublisherClosed, match="failed"):
        publisher.publish("order.placed", {})
    assert not publisher.flush()
    assert not publisher.close()


def test_a_full_queue_raises_or_waits() -> None:
    bus = Bus()
    bus.open.clear()
    with BackgroundPublisher(client(bus), queue_size=1, block=False, batch_size=1) as publisher:
        given = [publisher.publish("order.placed", {})]
        with pytest.raises(QueueFull):
            fill(publisher, given)
        bus.open.set()
        assert publisher.flush(30)
    assert bus.stored == given

    bus = Bus()
    with BackgroundPublisher(client(bus), queue_size=1, batch_size=1) as publisher:
        given = [publisher.publish("order.placed", {}) for _ in range(50)]
        assert publisher.flush(30)
    assert bus.stored == given


@pytest.mark.skipif(not hasattr(os, "fork"), reason="This system has no fork.")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_publisher_takes_nothing_in_a_forked_process(tmp_path: Path) -> None:
    bus = Bus()
    publisher = BackgroundPublisher(client(bus), spool=tmp_path / "spool")
    with publisher._changed:
        # The thread that holds this lock does not exist in the new process, and never releases it.
        child = os.fork()
        if not child:
            os._exit(_used_in_a_forked_process(publisher))
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    with pytest.raises(ConfigurationError):
        BackgroundPublisher(client(bus), spool=tmp_path / "spool")
    given = publisher.publish("order.placed", {})
    assert publisher.close()
    assert bus.stored == [given]


def _used_in_a_forked_process(publisher: BackgroundPublisher) -> int:
    """Uses a publisher of the parent process; returns 0 if it does nothing."""
    # It would wait for the lock for ever.
    signal.alarm(20)
    try:
        publisher.publish("order.placed", {})
    except PublisherClosed:
        return 1 if publisher.flush() or publisher.close() else 0
    return 1


def test_waiting_events_are_published_at_the_end() -> None:
    bus = Bus()
    publisher = BackgroundPublisher(client(bus), flush_seconds=60)
    given = [publisher.publish("order.placed", {}) for _ in range(7)]
    assert publisher.close()
    assert bus.stored == given
    with pytest.raises(PublisherClosed):
        publisher.publish("order.placed", {})


@pytest.mark.parametrize(("spool", "then"), [(None, "are lost"), ("spool", "stay in the spool")])
def test_closing_without_a_bus_reports_remaining_events(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, spool: str | None, then: str
) -> None:
    bus = Bus()
    bus.open.clear()
    publisher = BackgroundPublisher(client(bus), spool=tmp_path / spool if spool else None)
    publisher.publish("order.placed", {})
    assert not publisher.close(timeout=0.1)
    assert bus.stored == []
    assert f"1 events were not published in time, and {then}" in caplog.text


def test_a_spool_file_outlives_the_process(tmp_path: Path) -> None:
    file = tmp_path / "spool"
    bus = Bus()
    bus.open.clear()
    first = BackgroundPublisher(client(bus), spool=file, batch_size=3)
    given = [first.publish("order.placed", {"n": n}) for n in range(8)]
    assert not first.close(timeout=0.1)
    # The process was killed while it wrote a ninth event.
    with file.open("ab") as lines:
        lines.write(b'{"type": "order.pla')
    bus.open.set()
    with BackgroundPublisher(client(bus), spool=file, batch_size=3) as second:
        given.append(second.publish("order.placed", {"n": 8}))
        assert second.flush(30)
    assert bus.stored == given
    assert file.read_bytes() == b""
    assert file.stat().st_mode & 0o777 == 0o600


def test_a_batch_that_ends_after_its_publisher_has_given_up_empties_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bus, asked, given_up = Bus(), threading.Event(), threading.Event()

    def held(request: httpx.Request) -> httpx.Response:
        asked.set()
        assert given_up.wait(30)
        return bus(request)

    # The publisher logs while it holds its lock, so the batch cannot end before it gives up.
    monkeypatch.setattr(background.logger, "error", lambda *_: given_up.set())
    first = BackgroundPublisher(client(held), spool=tmp_path / "spool", batch_size=3)
    given = [first.publish("order.placed", {"n": n}) for n in range(8)]
    assert asked.wait(30)
    assert not first.close(timeout=0)
    join(first._thread)
    with BackgroundPublisher(client(bus), spool=tmp_path / "spool") as second:
        assert second.flush(30)
    assert bus.stored == given


def test_two_publishers_do_not_share_a_spool_file(tmp_path: Path) -> None:
    bus = Bus()
    bus.open.clear()
    first = BackgroundPublisher(client(bus), spool=tmp_path / "spool")
    given = [first.publish("order.placed", {})]
    with pytest.raises(ConfigurationError, match="spool"):
        BackgroundPublisher(client(Bus()), spool=tmp_path / "spool")
    assert not first.close(timeout=0.1)
    bus.open.set()
    with BackgroundPublisher(client(bus), spool=tmp_path / "spool") as second:
        assert second.flush(30)
    assert bus.stored == given


def test_a_spool_file_keeps_bytes(tmp_path: Path) -> None:
    bus = Bus()
    bus.open.clear()
    first = BackgroundPublisher(client(bus), spool=tmp_path / "spool")
    given = first.publish("image.made", b"\x00\xff", content_type="image/png")
    assert not first.close(timeout=0.1)
    bus.open.set()
    with BackgroundPublisher(client(bus), spool=tmp_path / "spool") as second:
        assert second.flush(30)
    assert bus.stored == [given]


def test_a_spool_file_sends_nothing_that_is_done(tmp_path: Path) -> None:
    file = tmp_path / "spool"
    bus = Bus()
    bus.open.clear()
    first = BackgroundPublisher(client(bus), spool=file, batch_size=2)
    given = [first.publish("order.placed", {"n": n}) for n in range(4)]
    assert not first.close(timeout=0.1)
    # Two of the four were published before the process was killed.
    file.with_name("spool.done").write_text("2")
    bus.open.set()
    with BackgroundPublisher(client(bus), spool=file) as second:
        assert second.flush(30)
    assert bus.stored == given[2:]


def test_events_after_a_line_that_was_cut_off_outlive_a_second_process(tmp_path: Path) -> None:
    file = tmp_path / "spool"
    file.write_bytes(b'{"type": "order.pla')
    bus = Bus()
    bus.open.clear()
    first = BackgroundPublisher(client(bus), spool=file)
    given = [first.publish("order.placed", {"n": n}) for n in range(2)]
    assert not first.close(timeout=0.1)
    bus.open.set()
    with BackgroundPublisher(client(bus), spool=file) as second:
        assert second.flush(30)
    assert bus.stored == given


def test_an_event_that_cannot_be_written_is_not_published_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "spool"
    bus = Bus()
    bus.open.clear()
    first = BackgroundPublisher(client(bus), spool=file)
    given = [first.publish("order.placed", {"n": 0})]
    with monkeypatch.context() as full:
        full.setattr("os.fsync", _no_space)
        with pytest.raises(OSError, match="No space left"):
            first.publish("order.placed", {"n": 1})
    given.append(first.publish("order.placed", {"n": 2}))
    assert not first.close(timeout=0.1)
    bus.open.set()
    with BackgroundPublisher(client(bus), spool=file) as second:
        assert second.flush(30)
    assert bus.stored == given


def _no_space(_: int) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
