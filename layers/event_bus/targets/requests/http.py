"""Targets of the type `http`, as clients send them."""

from typing import Annotated, Literal

from pydantic import AfterValidator

from event_bus.callbacks.urls import CallbackRules
from event_bus.requests.validation import checked
from event_bus.settings import settings
from event_bus.targets.http import HttpTarget
from event_bus.targets.requests.target_request import TargetRequest


def _check_callback_url(url: str) -> None:
    own = settings()
    CallbackRules(own.own_host, own.callback_networks, local=own.local).check(url)


CallbackUrl = Annotated[str, AfterValidator(checked(_check_callback_url))]
"""A URL that a subscription may name."""


class HttpTargetRequest(TargetRequest):
    """A callback, as a client sends it."""

    type: Literal["http"]
    url: CallbackUrl
    reply: bool = False

    def target(self) -> HttpTarget:
        """Returns the target."""
        return HttpTarget(self.url, self.reply)


REQUEST = HttpTargetRequest
