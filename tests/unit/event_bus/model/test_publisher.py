"""What a publisher's registration says of its events."""

from dataclasses import replace

import pytest

from tests.builders import publisher


@pytest.mark.parametrize(
    ("event_type", "pointers"),
    [
        ("user.made", ["/email", "/phone"]),
        ("user.left", ["/email"]),
        ("task.created", ["/phone"]),
        ("users.made", []),
        ("task.closed", []),
    ],
)
def test_a_type_has_the_sensitive_parts_of_all_patterns_that_match_it(
    event_type: str, pointers: list[str]
) -> None:
    marked = {"user.*": ["/email"], "user.made": ["/phone"], "task.created": ["/phone"]}
    assert replace(publisher(), sensitive=marked).sensitive_in(event_type) == pointers


def test_sensitive_parts_are_for_the_publisher_and_the_readers_that_it_names() -> None:
    lets = replace(publisher("planner"), sensitive_readers=["billing", "mailer"]).lets_read
    may = {each: lets(each) for each in ("planner", "billing", "mailer", "other", "bill", "")}
    assert may == {
        **dict.fromkeys(("planner", "billing", "mailer"), True),
        **dict.fromkeys(("other", "bill", ""), False),
    }
    assert publisher("planner").lets_read("planner")
    assert not publisher("planner").lets_read("billing")


def test_a_publisher_appends_to_the_categories_that_it_lists_or_to_all() -> None:
    listed = replace(publisher(), stream_categories=["task"])
    assert (listed.appends_to("task"), listed.appends_to("order")) == (True, False)
    assert publisher().appends_to("order")
