"""How a request with an Idempotency-Key holds its key, ends its claim, and is repeated."""

from typing import Any

import pytest
from botocore.exceptions import ClientError
from event_bus import times
from event_bus.access.callers import Caller
from event_bus.api.idempotency import CLAIM_SECONDS, HEADER, Repetitions
from event_bus.api.requests import Request, Response
from event_bus.encryption.data_keys import DataKeys
from event_bus.errors import Conflict, Failure, InvalidRequest, NotFound, Problem
from event_bus.stores.idempotency import IdempotencyStore

from tests.aws import Aws
from tests.builders import service
from tests.faults import broken

NOW = 1_800_000_000
REFUSED = ClientError({"Error": {"Code": "AccessDeniedException"}}, "DeleteItem")


@pytest.fixture
def repetitions(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> Repetitions:
    at(monkeypatch, NOW)
    store = IdempotencyStore(aws.table("idempotency"))
    return Repetitions(store, DataKeys(aws.kms, aws.sealing_key))


def at(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    monkeypatch.setattr(times, "unix", lambda: seconds)


def asked(body: bytes | str = "{}", caller: Caller | None = None) -> Request:
    identity = (caller or service("worker")).context()
    return Request(key="POST /things", headers={HEADER: "key"}, body=body, identity=identity)


def made(_: Request) -> Response:
    return Response(201, {"id": "1"})


def slow(_: Request) -> Response:
    raise TimeoutError


def not_called(_: Request) -> Response:
    raise AssertionError


def test_a_kept_answer_says_that_it_is_one(repetitions: Repetitions) -> None:
    first = repetitions.once(asked(), made)
    again = repetitions.once(asked(), not_called)
    assert (first.replayed, again.replayed) == (False, True)
    assert (again.status, again.body) == (201, {"id": "1"})


@pytest.mark.parametrize(("one", "other"), [(b"\x1f\x8b\x01", b"\x1f\x8b\x02"), ("a", "b")])
def test_another_body_is_another_request(
    repetitions: Repetitions, one: bytes | str, other: bytes | str
) -> None:
    repetitions.once(asked(one), made)
    assert repetitions.once(asked(one), not_called).replayed
    with pytest.raises(InvalidRequest):
        repetitions.once(asked(other), not_called)


def cut_off(repetitions: Repetitions, monkeypatch: pytest.MonkeyPatch) -> None:
    """Begins a request whose function is ended."""
    with monkeypatch.context() as ended:
        ended.setattr(IdempotencyStore, "give_up", lambda *_: None)
        with pytest.raises(TimeoutError):
            repetitions.once(asked(), slow)


@pytest.mark.parametrize("left", [CLAIM_SECONDS, 2, 1])
def test_a_claim_says_when_it_ends(
    repetitions: Repetitions, monkeypatch: pytest.MonkeyPatch, left: int
) -> None:
    cut_off(repetitions, monkeypatch)
    at(monkeypatch, NOW + CLAIM_SECONDS - left)
    with pytest.raises(Conflict) as refusal:
        repetitions.once(asked(), not_called)
    assert refusal.value.headers == {"retry-after": f"{left}"}


def test_a_claim_may_be_taken_over_at_its_end(
    repetitions: Repetitions, monkeypatch: pytest.MonkeyPatch
) -> None:
    cut_off(repetitions, monkeypatch)
    at(monkeypatch, NOW + CLAIM_SECONDS)
    assert repetitions.once(asked(), made).status == 201


def test_who_is_too_late_to_take_over_tries_again_in_a_second(
    repetitions: Repetitions, monkeypatch: pytest.MonkeyPatch
) -> None:
    cut_off(repetitions, monkeypatch)
    at(monkeypatch, NOW + CLAIM_SECONDS)
    monkeypatch.setattr(IdempotencyStore, "take_over", lambda *_: False)
    with pytest.raises(Conflict) as refusal:
        repetitions.once(asked(), not_called)
    assert refusal.value.headers == {"retry-after": "1"}


@pytest.mark.parametrize(("error", "kept"), [(NotFound("x"), False), (Failure("x"), True)])
def test_a_refusal_frees_its_key_and_a_failure_keeps_it(
    repetitions: Repetitions, error: Problem, kept: bool
) -> None:
    def fails(_: Request) -> Response:
        raise error

    with pytest.raises(type(error)):
        repetitions.once(asked(), fails)
    if kept:
        with pytest.raises(InvalidRequest):
            repetitions.once(asked("other"), not_called)
    else:
        assert repetitions.once(asked("other"), made).status == 201


@pytest.mark.parametrize("failure", [REFUSED, broken()])
def test_a_refusal_is_answered_although_its_key_is_not_freed(
    repetitions: Repetitions, monkeypatch: pytest.MonkeyPatch, failure: Exception
) -> None:
    def fails(*_: Any) -> None:
        raise failure

    def refuses(_: Request) -> Response:
        raise NotFound("There is no such thing.")

    monkeypatch.setattr(IdempotencyStore, "release", fails)
    with pytest.raises(NotFound):
        repetitions.once(asked(), refuses)
