"""A hostile subscriber only makes dead letters of its own events."""

from contextlib import ExitStack

from tests.end_to_end.receiver import eventually
from tests.end_to_end.world import World
from tests.hostile import (
    HostileConnection,
    Talk,
    answering,
    answering_once,
    drips_its_status,
    hangs,
    resets,
    subscriber,
    unused_url,
)

_EVENTS = 3
_SHORT_TIMEOUT, _LONG_TIMEOUT = 1, 30


def _sends_headers_without_end(conversation: HostileConnection) -> None:
    conversation.read()
    conversation.say("HTTP/1.1 200 OK\r\n")
    while not conversation.over.is_set():
        conversation.say("x: y\r\n" * 1_000)


def _sends_a_huge_body(conversation: HostileConnection) -> None:
    while conversation.read():
        conversation.say("HTTP/1.1 500 No\r\ncontent-length: 1000000000\r\n\r\n")
        while not conversation.over.is_set():
            conversation.say(b"x" * 1_000_000)


def _answers(status: int, *headers: str, before: str = "") -> Talk:
    lines = "".join(f"{each}\r\n" for each in headers)
    return answering(f"{before}HTTP/1.1 {status} No\r\n{lines}content-length: 0\r\n\r\n")


_HINTS = "HTTP/1.1 103 Early Hints\r\nlink: </a.css>; rel=preload\r\n\r\n"
_CUT_OFF = "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nok"


_TALKS: dict[str, tuple[Talk, str, int | None]] = {
    "hangs": (hangs, "timeout", None),
    "drips": (drips_its_status, "timeout", None),
    "resets": (resets, "connection_broken", None),
    "headers without end": (_sends_headers_without_end, "invalid_answer", None),
    "no http": (answering_once("+OK POP3 ready\r\n"), "invalid_answer", None),
    "a 200 that is cut off": (answering_once(_CUT_OFF), "connection_broken", None),
    "hints alone": (answering_once(_HINTS), "connection_broken", None),
    "hints before a 503": (_answers(503, before=_HINTS), "http_status", 503),
    "a huge body": (_sends_a_huge_body, "http_status", 500),
    "500": (_answers(500), "http_status", 500),
    "429": (_answers(429, "retry-after: 1"), "http_status", 429),
    "404": (_answers(404), "http_status", 404),
    "a redirect": (_answers(302, f"location: {unused_url()}"), "http_status", 302),
}


def test_hostile_subscribers_harm_only_their_own_deliveries(world: World) -> None:
    domain = world.name("task")
    service, owner = world.publisher(f"{domain}.*"), world.service()
    quick = world.receiver()
    service.subscribe(quick, f"{domain}.*")
    with ExitStack() as listening:
        subscribed = {}
        for name, (talk, code, _) in _TALKS.items():
            url = listening.enter_context(subscriber(talk)).url
            # On a busy machine, an answer may take longer than a second.
            timeout = _SHORT_TIMEOUT if code == "timeout" else _LONG_TIMEOUT
            policy = {"schedule": [1], "timeout": timeout}
            subscribed[name] = owner.subscribe(url, f"{domain}.*", retry_policy=policy)["id"]
        ids = [service.publish(f"{domain}.created") for _ in range(_EVENTS)]
        for event_id in ids:
            quick.wait_for_event(event_id)
        wanted = _EVENTS * len(_TALKS)
        letters = eventually(
            lambda: (
                len(found := owner.dead_letters(status="exhausted", limit="100")) == wanted
                and found
            )
        )
    for name, (_, code, status) in _TALKS.items():
        own = [each for each in letters if each["subscription_id"] == subscribed[name]]
        assert {each["event_id"] for each in own} == set(ids), name
        for letter in own:
            assert letter["error"]["code"] == code, name
            assert [each["status_code"] for each in letter["attempts"]] == [status] * 2, name
            for attempt in letter["attempts"]:
                # By the timeout of its own policy, not by the default one of 15 s.
                assert code != "timeout" or attempt["duration_ms"] < 14_000, name
                assert len(attempt["response"]) <= 256, name
    quick.wait_for(len(ids))
    assert sorted(quick.event_ids()) == sorted(ids)
