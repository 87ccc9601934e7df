"""Receives webhooks in Django."""

from collections.abc import Callable
from typing import Any, cast

from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt

from event_bus_client._async.receiver import AsyncReceiver
from event_bus_client._sync.receiver import Receiver
from event_bus_client.receiving import Answer


def view(receiver: Receiver | AsyncReceiver) -> Callable[..., Any]:
    """Makes the view of a receiver: an asynchronous one for an AsyncReceiver.

    The signature protects it, so that it needs no CSRF token.

    Example:
        ```python
        urlpatterns = [path("events", view(receiver))]
        ```

    Args:
        receiver: Handles the events.
    """
    if isinstance(receiver, AsyncReceiver):

        @csrf_exempt
        async def receive_async(request: HttpRequest) -> HttpResponse:
            if (body := _body(request)) is None:
                return HttpResponse(status=413)
            return _response(await receiver.receive(str(request.method), request.headers, body))

        return cast("Callable[..., Any]", receive_async)

    @csrf_exempt
    def receive(request: HttpRequest) -> HttpResponse:
        if (body := _body(request)) is None:
            return HttpResponse(status=413)
        return _response(receiver.receive(str(request.method), request.headers, body))

    return cast("Callable[..., Any]", receive)


def _body(request: HttpRequest) -> bytes | None:
    """Returns the body; None if it is larger than Django's settings allow."""
    try:
        return bytes(request.body)
    except RequestDataTooBig:
        return None


def _response(answer: Answer) -> HttpResponse:
    return HttpResponse(
        answer.body, status=answer.status, headers=answer.headers, content_type=answer.media_type
    )
