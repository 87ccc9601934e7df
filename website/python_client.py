"""Generates the reference of the Python client from its code: `python -m website.python_client`."""

import inspect
import re
from collections.abc import Callable, Iterator
from typing import Any

from event_bus_client import EventBus

from infra.built import ROOT

PAGE = ROOT / "docs" / "reference" / "python-client.md"

_HEAD = (
    "# Python client",
    "",
    "Every method of `EventBus`. `AsyncEventBus` has the same methods; those that send a request "
    "are awaited there, and lists are read by `async for`. "
    "[Use the Python client](../how-to/use-python.md) shows what they are for. "
    "This page is made from the code; the docstrings explain each argument.",
    "",
    "Methods that return a list (`Listing`) send no request themselves: iterate over the result, "
    "or read it by `page(cursor)`. `dict` is an answer as [the API](api/README.md) documents "
    "it. The class of any other answer is in `event_bus_client`; members are its attributes. "
    "`**members` and `**query` are the members of the request and the query parameters that the "
    "API documents. Arguments in brackets may be left out, and those after `*` need their name.",
)


def page() -> str:
    """Returns the content of the page."""
    lines = [*_HEAD, "", "## EventBus", "", *_methods("bus", EventBus)]
    lines += ["", "## bus.inbox(subscription_id)", "", *_methods("inbox", _inbox())]
    for name, resource in _resources():
        said = _sentence(type(resource))
        lines += ["", f"## bus.{name}", "", said, "", *_methods(f"bus.{name}", type(resource))]
    return "\n".join(lines) + "\n"


def _bus() -> EventBus:
    return EventBus("https://bus.example.com")


def _inbox() -> type:
    return type(_bus().inbox("sub_1"))


def _resources() -> Iterator[tuple[str, Any]]:
    """Yields the attributes of a bus that have methods, by name."""
    for name, value in vars(_bus()).items():
        if not name.startswith("_"):
            yield name, value
            if hasattr(value, "keys"):
                yield f"{name}.keys", value.keys


def _methods(name: str, kind: type) -> list[str]:
    """Returns a table of methods."""
    rows = []
    for method, function in inspect.getmembers(kind, inspect.isfunction):
        if not method.startswith("_"):
            call = f"`{name}.{method}({_arguments(function)})`"
            rows.append(f"| {call} | {_result(function)} | {_sentence(function)} |")
    return ["| Method | Returns | Does |", "|---|---|---|", *rows]


def _arguments(function: Callable[..., Any]) -> str:
    """Returns the arguments of a method: optional ones in brackets, those with a name after `*`."""
    shown: list[str] = []
    for each in list(inspect.signature(function).parameters.values())[1:]:
        if each.kind is each.KEYWORD_ONLY and not any(said.startswith("*") for said in shown):
            shown.append("*")
        optional = each.default is not each.empty
        shown.append(f"[{each.name}]" if optional else str(each).partition(":")[0])
    return ", ".join(shown)


def _result(function: Callable[..., Any]) -> str:
    """Returns the class of what a method returns."""
    annotation = inspect.signature(function).return_annotation
    shown = annotation if isinstance(annotation, str) else inspect.formatannotation(annotation)
    if shown == "None":
        return ""
    short = re.sub(r"[\w.]+\.", "", shown).replace("dict[str, Any]", "dict")
    short = re.sub(r"Generator\[(\w+), None, None\]", r"Iterator[\1]", short)
    return f"`{short}`".replace("|", "\\|")


def _sentence(documented: Any) -> str:
    """Returns the first line of a docstring."""
    return (inspect.getdoc(documented) or "").partition("\n")[0].replace("|", "\\|")


def main() -> None:
    """Writes the page."""
    PAGE.write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
