"""A function reads the messages that a queue hands over."""

from event_bus.delivery.queue_message import QueueMessage, queue_messages


def test_messages_are_read_from_what_lambda_hands_over() -> None:
    records = [
        {"messageId": f"m-{n}", "body": f"text {n}", "attributes": {"ApproximateReceiveCount": n}}
        for n in ("1", "12")
    ]
    assert queue_messages({"Records": records}) == [
        QueueMessage("m-1", 1, "text 1"),
        QueueMessage("m-12", 12, "text 12"),
    ]
