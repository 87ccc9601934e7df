"""Receives webhooks in Flask."""

from flask import Blueprint, Response, request
from werkzeug.exceptions import RequestEntityTooLarge

from event_bus_client._sync.receiver import Receiver
from event_bus_client.receiving import MAX_BODY_BYTES


def blueprint(receiver: Receiver, path: str, *, name: str = "event_bus") -> Blueprint:
    """Makes a blueprint that receives at one path.

    Example:
        ```python
        app = Flask(__name__)
        app.register_blueprint(blueprint(receiver, "/events"))
        ```

    Args:
        receiver: Handles the events.
        path: Where the bus sends them.
        name: The blueprint's name; several in one application need different ones.
    """
    made = Blueprint(name, __name__)

    @made.route(path, methods=["POST", "OPTIONS"])
    def receive() -> Response:
        request.max_content_length = MAX_BODY_BYTES
        try:
            body = request.get_data(cache=False)
        except RequestEntityTooLarge:
            return Response(status=413)
        answer = receiver.receive(request.method, dict(request.headers), body)
        return Response(
            answer.body, answer.status, headers=dict(answer.headers), content_type=answer.media_type
        )

    return made
