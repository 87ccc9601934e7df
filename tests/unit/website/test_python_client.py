"""The reference of the Python client is made from its code, and is current."""

from website.python_client import PAGE, page


def test_the_reference_of_the_python_client_is_current() -> None:
    assert PAGE.read_text() == page(), "run: python -m website.python_client"


def test_it_has_the_methods_of_each_part() -> None:
    for method in (
        "publish(what, [payload]",
        "contexts.put(name, key, value",
        "publishers.keys.cr",
    ):
        assert f"| `bus.{method}" in page()
