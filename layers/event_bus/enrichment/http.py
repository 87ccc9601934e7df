"""Sources of the type `http`: answers to GET requests."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote

from event_bus import times
from event_bus.callbacks.failures import Unanswered
from event_bus.encryption.signing_secrets import SecretNotOpened
from event_bus.encryption.webhook_signatures import signed_headers
from event_bus.enrichment.results import part_of
from event_bus.enrichment.sources import Question, SourceFailed, text_at
from event_bus.model.enrichment import HttpSource
from event_bus.model.subscription import Subscription
from event_bus.transforms.event_parts import EventParts
from event_bus.version import USER_AGENT

if TYPE_CHECKING:
    from event_bus.callbacks.client import CallbackClient

VARIABLE = re.compile(r"\{([A-Za-z][A-Za-z0-9_]{0,31})\}")
"""A variable in a URL."""

_HEADERS = {
    "user-agent": USER_AGENT,
    "accept": "application/json",
    "accept-encoding": "identity",
}
_LATER = frozenset({408, 425, 429})
_STEPS = (".", "..")


@dataclass(frozen=True, slots=True)
class HttpAsker:
    """Makes GET requests.

    Attributes:
        client: Makes requests to URLs that clients chose.
        secrets: The secrets of a subscription, which sign its requests.
        clock: The time, in Unix seconds.
    """

    client: "CallbackClient"
    secrets: Callable[[Subscription], Sequence[str]]
    clock: Callable[[], float] = times.unix

    def question(
        self, source: HttpSource, subscription: Subscription, parts: EventParts
    ) -> Question:
        """Makes the question to a URL, whose variables are filled from the event.

        Raises:
            SourceFailed: The event lacks the value of a variable.
        """
        url = filled(source, parts)

        def ask() -> bytes:
            headers = {**_HEADERS, **self._signature(subscription, parts)}
            try:
                answer = self.client.exchange("GET", url, headers, source.timeout)
            except Unanswered as unanswered:
                raise SourceFailed(unanswered.message, again=True) from None
            if not 200 <= answer.status < 300:
                again = answer.status >= 500 or answer.status in _LATER
                raise SourceFailed(f"the URL answered {answer.status}", again=again)
            if answer.cut:
                raise SourceFailed(f"the answer has {len(answer.body)} bytes or more")
            return part_of(answer.body)

        return Question(ask, url, guarded=True)

    def _signature(self, subscription: Subscription, parts: EventParts) -> dict[str, str]:
        """Returns the headers of the signature; none if the subscription has no secret."""
        if not subscription.signing_secrets:
            return {}
        try:
            secrets = self.secrets(subscription)
        except SecretNotOpened as failure:
            raise SourceFailed(failure.detail, again=not failure.damaged) from None
        return signed_headers(parts.envelope["id"], int(self.clock()), b"", secrets)


def filled(source: HttpSource, parts: EventParts) -> str:
    """Returns the URL of a source with its variables filled from an event.

    Each value is percent-encoded as a whole, so no event can change the rest of the URL.

    Raises:
        SourceFailed: A variable has no value, or the value `.` or `..`.
    """
    values: dict[str, str] = {}
    for name, path in source.variables.items():
        value = text_at(path, parts)
        if value in _STEPS:
            raise SourceFailed(f"{path} is a value that cannot be part of a URL")
        values[name] = quote(value, safe="")
    return VARIABLE.sub(lambda found: values[found[1]], source.url)
