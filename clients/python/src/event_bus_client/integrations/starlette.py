"""Receives webhooks in FastAPI and Starlette."""

from collections.abc import Awaitable, Callable

from anyio import to_thread
from starlette.requests import Request
from starlette.responses import Response

from event_bus_client._async.receiver import AsyncReceiver
from event_bus_client._sync.receiver import Receiver
from event_bus_client.receiving import MAX_BODY_BYTES


def endpoint(receiver: AsyncReceiver | Receiver) -> Callable[[Request], Awaitable[Response]]:
    """Makes the endpoint of a receiver.

    Example:
        ```python
        app = FastAPI()
        app.add_route("/events", endpoint(receiver), methods=["POST", "OPTIONS"])
        ```

    Args:
        receiver: Handles the events. One without asyncio works in threads.
    """

    async def receive(request: Request) -> Response:
        body = bytearray()
        async for chunk in request.stream():
            body += chunk
            if len(body) > MAX_BODY_BYTES:
                break
        if isinstance(receiver, AsyncReceiver):
            answer = await receiver.receive(request.method, request.headers, bytes(body))
        else:
            answer = await to_thread.run_sync(
                receiver.receive, request.method, request.headers, bytes(body)
            )
        return Response(
            answer.body, answer.status, headers=dict(answer.headers), media_type=answer.media_type
        )

    return receive
