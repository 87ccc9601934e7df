"""A refused message is answered within the size of a WebSocket message."""

from typing import Any

import pytest
from event_bus.inbox.conversation import Conversation

from tests.unit.event_bus.inbox.sockets.conversing import kinds, say
from tests.unit.event_bus.inbox.sockets.wire import Wire


@pytest.mark.parametrize("ref", [7, "r" * 128, "\x01" * 128, "漢" * 128, ["r"]])
def test_a_refusal_repeats_a_short_ref(conversation: Conversation, wire: Wire, ref: Any) -> None:
    say(conversation, {"action": "none", "ref": ref})
    assert wire.received["one"][-1]["ref"] == ref


@pytest.mark.parametrize("ref", ["r" * 130_900, ["r" * 1_000] * 130, {"r" * 130_900: 1}])
def test_a_refusal_does_not_repeat_a_long_ref(
    conversation: Conversation, wire: Wire, ref: Any
) -> None:
    say(conversation, {"action": "ping", "ref": ref})
    [refused] = wire.received["one"]
    assert "ref" not in refused
    assert refused["error"]["errors"][0]["pointer"] == "/ref"
    say(conversation, {"action": "ping"})
    assert kinds(wire) == ["error", "pong"]


@pytest.mark.parametrize("name", ["漢" * 860, "\x01" * 430, "\x7f" * 999])
def test_the_faults_of_a_large_message_fit_into_an_answer(
    conversation: Conversation, wire: Wire, name: str
) -> None:
    names = [f"{number}{name}" for number in range(50)]
    say(conversation, {"action": "ping", "ref": "漢" * 128, **dict.fromkeys(names, 1)})
    [refused] = wire.received["one"]
    assert refused["ref"] == "漢" * 128
    assert refused["error"]["detail"].startswith(f"/0{name}"[:900])
    assert refused["error"]["status"] == 422
