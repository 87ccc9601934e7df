"""Requests and answers without the network: what is sent, what an answer means, when to retry."""

import json
import random
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import httpx

from event_bus_client.durations import checked
from event_bus_client.errors import Problem, UnexpectedAnswer, problem
from event_bus_client.version import VERSION

USER_AGENT = f"event-bus-client-python/{VERSION}"

MAX_ANSWER_BYTES = 16 * 1024 * 1024
"""The most bytes of an answer. API Gateway sends up to 10 MB."""

LONGEST_PAUSE = 60.0
"""The longest wait before a loop tries again, in seconds, whatever `Retry-After` says."""


@dataclass(frozen=True)
class Call:
    """One request to the API.

    Attributes:
        method: The HTTP method.
        path: The path, beginning with a slash.
        query: Query parameters; those that are None are left out.
        body: What is sent as JSON; None sends no body.
        headers: Further headers.
        repeatable: Whether sending it twice does no more than sending it once.
        timeout: The seconds to wait for an answer; None takes the client's.
    """

    method: str
    path: str
    query: Mapping[str, Any] = field(default_factory=dict)
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    repeatable: bool = True
    timeout: float | None = None

    def parameters(self) -> dict[str, str]:
        """Returns the query parameters as they are sent."""
        return {name: text(value) for name, value in self.query.items() if value is not None}

    def content(self) -> bytes | None:
        """Returns the body as it is sent: compact JSON in UTF-8."""
        return None if self.body is None else encoded(self.body)


def encoded(document: Any) -> bytes:
    """Returns a document as it is sent: compact JSON in UTF-8.

    Raises:
        ValueError: It is not JSON.
    """
    written = json.dumps(document, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    # The bus refuses U+FFFD itself, which may stand for bytes that were not UTF-8.
    return written.replace("\ufffd", "\\ufffd").encode()


def creating(path: str, body: Any = None) -> Call:
    """Makes a POST that creates or starts something, with a key by which retries do it once."""
    return Call("POST", path, body=body, headers={"idempotency-key": f'"{uuid4()}"'})


def path(template: str, *ids: str) -> str:
    """Puts ids into a path, such as `/events/{}`, and escapes what could change its meaning.

    Raises:
        NotFound: An id would lead to another path. Nothing on a bus has such an id.
    """
    for each in ids:
        # In a URL, dots cannot be escaped: `..` removes the part before it.
        if each in ("", ".", ".."):
            title = "There is no such resource"
            raise problem(404, {"title": title, "detail": f'No id is "{each}".'})
    return template.format(*(quote(each, safe="") for each in ids))


def present(**members: Any) -> dict[str, Any]:
    """Returns the members that have a value."""
    return {name: value for name, value in members.items() if value is not None}


def text(value: Any) -> str:
    """Returns a value as the API takes it: times in RFC 3339, lists separated by commas."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (list, tuple)):
        return ",".join(map(str, value))
    if hasattr(value, "isoformat"):
        return str(value.isoformat()).replace("+00:00", "Z")
    return str(value)


@dataclass(frozen=True)
class RetryPolicy:
    """When a request is sent again.

    A request is sent again when no answer came, and when the answer is 429, 500, 502, 503 or 504;
    never when the request could do its work twice. Waits grow exponentially with full jitter.
    `Retry-After` is honoured up to `longest_wait`. A 409 with a `Retry-After` says that an earlier
    attempt is still being carried out: the request is sent again, too, the last time after the wait
    that `Retry-After` asks for.

    Attributes:
        attempts: How often it is sent in all.
        first_wait: The first wait in seconds, at most.
        longest_wait: The longest wait in seconds.
        randomness: Returns a number from 0 to 1.
    """

    attempts: int = 5
    first_wait: float = 0.25
    longest_wait: float = 20
    randomness: Callable[[], float] = random.random

    def __post_init__(self) -> None:
        """Checks the waits.

        Raises:
            ConfigurationError: One is negative, not a number, or the first one is endless.
        """
        checked("first_wait", self.first_wait, zero=True)
        checked("longest_wait", self.longest_wait, zero=True, endless=True)

    def wait(self, call: Call, attempt: int, answer: httpx.Response | None) -> float | None:
        """Returns how long to wait before the next attempt.

        Args:
            call: The request.
            attempt: Which attempt failed, from 1 on.
            answer: Its answer; None if none came.

        Returns:
            Seconds, or None if the request is not sent again.
        """
        if attempt >= self.attempts:
            return None
        grown = min(self.longest_wait, self.first_wait * 2.0 ** (attempt - 1)) * self.randomness()
        if answer is not None and _in_progress(call, answer):
            is_last = attempt + 1 == self.attempts
            return min(self.longest_wait, retry_after(answer) or 0) if is_last else grown
        if answer is not None and answer.status_code not in (429, 500, 502, 503, 504):
            return None
        # What was refused by a limit was not carried out.
        if not call.repeatable and (answer is None or answer.status_code != 429):
            return None
        asked = retry_after(answer) if answer is not None else None
        if asked is not None:
            return asked + self.randomness() if asked <= self.longest_wait else None
        return grown


def _in_progress(call: Call, answer: httpx.Response) -> bool:
    """Returns whether an earlier attempt of a request is still being carried out."""
    return (
        answer.status_code == 409
        and "retry-after" in answer.headers
        and "idempotency-key" in call.headers
    )


def retry_after(answer: httpx.Response) -> float | None:
    """Returns the seconds to wait that an answer asks for; None if it does not say a number."""
    try:
        seconds = float(str(answer.headers.get("retry-after", "")))
    except ValueError:
        return None
    return seconds if 0 <= seconds < float("inf") else None


def read(answer: httpx.Response) -> Any:
    """Reads an answer.

    Returns:
        Its JSON, its text if it is not JSON, or None if it is empty.

    Raises:
        Problem: The bus refused the request.
    """
    if not answer.is_success:
        raise refusal(answer)
    return _parsed(answer)


def read_document(call: Call, answer: httpx.Response) -> Any:
    """Reads an answer that is a success.

    Returns:
        Its JSON object, or None if it is empty.

    Raises:
        UnexpectedAnswer: It is not a JSON object.
    """
    document = _parsed(answer)
    if document is None or isinstance(document, dict):
        return document
    media_type = answer.headers.get("content-type") or "no content type"
    raise UnexpectedAnswer(
        f"{call.method} {call.path} was answered by {answer.status_code} and no JSON object "
        f"({media_type}). Is this the URL of the bus?"
    )


@contextmanager
def expected(what: str) -> Iterator[None]:
    """Raises UnexpectedAnswer if the block does not find what the bus answers.

    Args:
        what: What is read, in words.
    """
    try:
        yield
    except (AttributeError, LookupError, TypeError, ValueError) as error:
        raise UnexpectedAnswer(f"{what} is not as the bus answers it: {error!r}") from error


def pause_after(
    failure: Exception, otherwise: float, randomness: Callable[[], float] = random.random
) -> float:
    """Returns how long a loop waits after a failure, in seconds.

    Args:
        failure: What failed; a problem may say how long to wait.
        otherwise: The wait if it does not.
        randomness: Returns a number from 0 to 1: by so many seconds a loop waits longer than a
            problem says. Otherwise, consumers that were refused together would come back together.
    """
    asked: float | None = getattr(failure, "retry_after", None)
    return min(asked + randomness() if asked else otherwise, LONGEST_PAUSE)


def refusal(answer: httpx.Response) -> Problem:
    """Returns the exception for an answer that is no success."""
    document = _parsed(answer)
    if answer.has_redirect_location:
        place = answer.headers["location"][:200]
        document = {"title": "The bus does not redirect", "detail": f"This server does, to {place}"}
    return problem(
        answer.status_code,
        document,
        request_id=answer.headers.get("apigw-requestid"),
        retry_after=retry_after(answer),
    )


def _parsed(answer: httpx.Response) -> Any:
    if not answer.content:
        return None
    if "json" not in answer.headers.get("content-type", ""):
        return answer.text
    try:
        return answer.json()
    except (ValueError, RecursionError):
        return answer.text
