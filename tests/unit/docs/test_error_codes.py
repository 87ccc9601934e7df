"""The page of errors lists each error code that the bus gives a delivery, wherever it is made."""

import ast
import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

from infra.built import ROOT

LAYERS = ROOT / "layers"
MAKERS = frozenset(
    {"Outcome", "Unanswered", "DeliveryError"}
    | {"dropped", "exhausted", "postponed", "refused", "waiting", "_with_error"}
)
"""The classes and functions that take an error code, and after it a message."""

_CODE = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")

Values = Mapping[str, list[ast.expr]]


def values_of(tree: ast.Module) -> Values:
    """What each name of a module is assigned or runs through, in any scope."""
    found: dict[str, list[ast.expr]] = {}
    for node in ast.walk(tree):
        for target, value in assigned_by(node):
            for part in ast.walk(target):
                if isinstance(part, ast.Name):
                    found.setdefault(part.id, []).append(value)
        if isinstance(node, ast.ImportFrom) and (path := path_of(node.module or "")).is_file():
            for each in node.names:
                if each.name.isupper():
                    values = values_in(path).get(each.name, [])
                    found.setdefault(each.asname or each.name, []).extend(values)
    return found


def assigned_by(node: ast.AST) -> list[tuple[ast.expr, ast.expr]]:
    """The targets to which a node assigns, each with the value."""
    match node:
        case ast.Assign(targets=targets, value=value):
            return [(target, value) for target in targets]
        case ast.AnnAssign(target=target, value=ast.expr() as value):
            return [(target, value)]
        case ast.For(target=target, iter=value) | ast.comprehension(target=target, iter=value):
            return [(target, value)]
    return []


def path_of(module: str) -> Path:
    """The file of a module of the bus."""
    return LAYERS / f"{module.replace('.', '/')}.py"


@cache
def values_in(path: Path) -> Values:
    """What each name of a file is assigned."""
    return values_of(ast.parse(path.read_text(encoding="utf-8")))


def codes_in(value: ast.expr, values: Values, seen: frozenset[str] = frozenset()) -> set[str]:
    """The codes that an expression may have as its value, or within it."""
    match value:
        case ast.Constant(value=str(text)):
            return {text} if _CODE.fullmatch(text) else set()
        case ast.Name(id=name):
            parts = [] if name in seen else values.get(name, [])
            seen = seen | {name}
        case ast.Tuple(elts=parts) | ast.List(elts=parts) | ast.Dict(values=parts):
            pass
        case ast.IfExp(body=body, orelse=other):
            parts = [body, other]
        case ast.Starred(value=part) | ast.Subscript(value=part):
            parts = [part]
        case ast.Call(func=ast.Attribute(value=mapping, attr="get"), args=[_, *default]):
            parts = [mapping, *default]
        case _:
            parts = []
    return {code for part in parts for code in codes_in(part, values, seen)}


def codes_of(tree: ast.Module) -> Iterator[str]:
    """The codes that a module passes to what takes one."""
    values = values_of(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            called = node.func.attr if isinstance(node.func, ast.Attribute) else node.func
            name = called.id if isinstance(called, ast.Name) else called
            if name in MAKERS:
                for given in node.args:
                    yield from codes_in(given, values)


def test_the_page_lists_the_codes_that_any_module_gives() -> None:
    page = (ROOT / "docs" / "reference" / "errors.md").read_text(encoding="utf-8")
    tables = page.partition("## Error codes of deliveries")[2]
    shown = {
        code
        for row in re.findall(r"^\| (`[^|]*) \|", tables, re.MULTILINE)
        for code in re.findall(r"`(\w+)`", row)
    } - {"code"}
    made = {
        code
        for path in (LAYERS / "event_bus").rglob("*.py")
        for code in codes_of(ast.parse(path.read_text(encoding="utf-8")))
    }
    assert shown == made


def test_a_code_is_found_however_a_module_names_it() -> None:
    code = """
from event_bus.model.pauses import PAUSED, SAID
ONE: Final = "one_code"
TABLE = {1: ("two_codes", "said"), 2: _KNOWN}
_KNOWN = ("three", "with a message")
def of(error, failure):
    code, said = "four_codes", f"a {error} of words"
    runner.dropped(order, code, said)
    for kind, found, text in ((OSError, "five_codes", "a text"),):
        Outcome(found, text, response="not_a_code")
    Unanswered(*TABLE.get(error.code, ("six_codes", "a text")))
    transitions.postponed(delivery, until, PAUSED, SAID)
    DeliveryError(ONE if error else failure["not_a_code"], "a text", times.now())
    print("not_a_code")
"""
    numbers = {"one_code", "two_codes", "four_codes", "five_codes", "six_codes"}
    assert set(codes_of(ast.parse(code))) == numbers | {"said", "three", "subscription_paused"}
