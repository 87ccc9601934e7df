"""The reference of the Python client is made from its code, and is current."""

import re

import event_bus_client

from website.python_client import PAGE, page


def test_the_reference_of_the_python_client_is_current() -> None:
    assert PAGE.read_text() == page(), "run: python -m website.python_client"


def test_it_has_the_methods_of_each_part() -> None:
    for method in (
        "publish(what, [payload], *, [content_type]",
        "contexts.put(name, key, value",
        "publishers.keys.cr",
    ):
        assert f"| `bus.{method}" in page()


def test_it_says_which_arguments_need_their_name_and_what_a_method_returns() -> None:
    assert "`bus.streams.truncate(stream_id, *, before, [source])` | `dict` |" in page()
    assert (
        "`bus.streams.state(stream_id, *, [source], [at_version], [at_time])` | `StreamState`"
        in (page())
    )
    named = {
        name
        for row in page().splitlines()
        if row.startswith("| `")
        for name in re.findall(r"[A-Z]\w+", row.split(" | ")[1])
    }
    # A loop iterates over these; no caller needs their names.
    named -= {"Any", "Iterator", "Listening", "Listing"}
    assert "Received" in named
    assert named <= set(event_bus_client.__all__)
