"""A function has only the settings of its environment."""

import pytest
from event_bus.settings import Settings


def test_every_name_is_read_from_its_variable() -> None:
    told = Settings({"EVENTS_TABLE": "events", "RETENTION_DAYS": "30"})
    assert told.events_table == "events"
    assert told.retention_days == 30


def test_a_function_cannot_use_settings_that_it_was_not_given() -> None:
    with pytest.raises(LookupError, match="KEYS_TABLE"):
        _ = Settings({}).keys_table


@pytest.mark.parametrize(("stage", "local"), [("local", True), ("prod", False), ("", False)])
def test_only_the_local_stage_is_local(stage: str, local: bool) -> None:
    assert Settings({"STAGE": stage}).local is local


def test_a_stage_that_was_not_told_is_not_local() -> None:
    assert not Settings({}).local


def test_queues_are_known_by_their_urls_or_by_their_names_beside_another() -> None:
    told = Settings(
        {
            "UNROUTABLE_QUEUE_URL": "https://sqs.example/1/unroutable-1",
            "HTTP_LANE_URL": "https://sqs.example/1/http-1",
            "QUEUE_NAMES": "http_lane_redrive=http-redrive-1 sqs_lane=sqs-1",
            "UNROUTABLE_REDRIVE_URL": "https://sqs.example/1/unroutable-redrive-1",
        }
    )
    assert told.queue_urls == {
        "http_lane": "https://sqs.example/1/http-1",
        "http_lane_redrive": "https://sqs.example/1/http-redrive-1",
        "sqs_lane": "https://sqs.example/1/sqs-1",
        "unroutable": "https://sqs.example/1/unroutable-1",
        "unroutable_redrive": "https://sqs.example/1/unroutable-redrive-1",
    }
