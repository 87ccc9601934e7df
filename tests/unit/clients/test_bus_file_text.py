"""The text of a file for `event-bus apply` is read, or each fault is named with its place."""

import json
import re
from collections.abc import Sequence
from typing import Any

import pytest
import yaml
from event_bus_client.cli import apply as command
from event_bus_client.cli.bus_file.plan import load
from event_bus_client.cli.bus_file.schema import faults, file_schema
from event_bus_client.cli.bus_file.text import MAX_BYTES, MAX_VALUES, FileFault, InvalidFile, read
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.clients.bus_files import GOOD, OFFLINE
from tests.unit.clients.command_line import run
from tests.unit.clients.described import OPENAPI
from tests.unit.clients.registry import RegistryBus

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="utf-8"), max_size=12),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(st.characters(codec="utf-8"), max_size=8), inner, max_size=4)
    ),
    max_leaves=15,
)


PIECES = st.sampled_from(
    [
        *"\n \t:-?{}[],#&*!|>%@`'\"\\~",
        *(
            "a",
            "- ",
            "a: ",
            "  ",
            "---\n",
            "...\n",
            "&a ",
            "*a",
            "? ",
            ": ",
            "|2\n",
            ">-\n",
            "<<: ",
        ),
        *("!!str ", "!!python/object:os.system ", "!!binary ", "%TAG ! x\n", "%YAML 1.2\n"),
        *("0x1F", "0o17", "1e999", ".nan", "yes", "null", "9" * 5000, "%YAML 99999999999.1\n"),
        *("\\ud800", "\\UFFFFFFFF", "\ufeff", "\x00", "\x85", "\ud800", '"\\x'),
        *("publishers:", "shop:", "subscriptions: {a.b: ", "event_types: [", "target: {type: sqs"),
    ]
)


texts = st.one_of(
    st.text(max_size=60),
    st.lists(PIECES, max_size=25).map("".join),
    st.tuples(st.integers(0, len(GOOD)), st.integers(0, 30), st.lists(PIECES, max_size=4)).map(
        lambda cut: GOOD[: cut[0]] + "".join(cut[2]) + GOOD[cut[0] + cut[1] :]
    ),
)


@settings(max_examples=600, deadline=None)
@given(texts)
def test_any_text_is_read_or_refused_with_its_place(text: str) -> None:
    faults: Sequence[FileFault] = ()
    try:
        loaded = load(text, OFFLINE, {})
    except InvalidFile as invalid:
        faults = invalid.faults
    if faults:
        lines = re.split("\r\n|[\r\n\x85\u2028\u2029]", text)
        for fault in faults:
            assert 1 <= fault.line <= len(lines) + 1
            assert fault.column >= 1
            assert fault.detail
            assert not fault.pointer or fault.pointer.startswith("/")
            json.dumps(str(fault)).encode()
    else:
        # What is accepted can be sent.
        json.dumps(loaded.members, allow_nan=False, ensure_ascii=False).encode()


@settings(max_examples=300, deadline=None)
@given(json_values)
def test_a_written_value_is_read_as_the_same_value(value: Any) -> None:
    assert read(command.written(value)).value() == value


FAULTS = {
    "a tab": ("publishers:\n\tshop: {}\n", "2:1: This is not YAML"),
    "not closed": ("publishers: {shop: [\n", "2:1: This is not YAML"),
    "twice": (
        "publishers:\n  shop: {event_types: [a.b]}\n  shop: {event_types: [a.b]}\n",
        "3:3: /publishers The member 'shop' is there already",
    ),
    "unknown kind": ("publisher: {}\n", "1:1: /publisher This member is not known. Known are"),
    "unknown member": (
        "publishers:\n  shop:\n    event_types: [a.b]\n    colour: red\n",
        "4:5: /publishers/shop/colour This member is not known.",
    ),
    "missing member": (
        "publishers:\n  shop:\n    name: Shop\n",
        "3:5: /publishers/shop The member 'event_types' is missing.",
    ),
    "a type": (
        "publishers:\n  shop:\n    event_types: order.placed\n",
        "3:18: /publishers/shop/event_types This must be of the type array, not string.",
    ),
    "in a list": (
        "publishers:\n  shop:\n    event_types:\n      - a.b\n      - 7\n",
        "5:9: /publishers/shop/event_types/1 This must be of the type string, not integer.",
    ),
    "a target": (
        "subscriptions:\n  a.b:\n    event_types: [a.b]\n    target: {type: sqs, managed: 1}\n",
        "4:34: /subscriptions/a.b/target/managed This must be of the type boolean",
    ),
    "a type of target": (
        "subscriptions:\n  a.b:\n    event_types: [a.b]\n    target: {type: fax}\n",
        "4:20: /subscriptions/a.b/target/type",
    ),
    "an id": (
        "subscriptions:\n  large orders: {event_types: [a.b]}\n",
        "2:3: /subscriptions/large orders This name must match",
    ),
    "a number as a name": ("publishers:\n  7: {}\n", "2:3: /publishers A member's name must be"),
    "a tag": ("publishers: !!python/name:os.system x\n", "1:13: /publishers The tag"),
    "infinity": ("publishers: .inf\n", "1:13: /publishers '.inf' is no number"),
    "two documents": ("publishers: {}\n---\npublishers: {}\n", "2:1: The file must have one"),
    "empty": ("# nothing\n", "1:1: The file is empty"),
    "a surrogate": ('publishers: {"\\ud800": 1}\n', "1:14: /publishers The string must be Unicode"),
    "an alias of itself": ("publishers: &a [*a]\n", "1:17: /publishers/0 The anchor &a must be"),
    "deep": ("publishers: " + "[" * 200, "Values must be nested at most 64 deep."),
    "a variable": (
        "publishers:\n  shop:\n    event_types: [a.b]\n"
        "    authentication: {api_key: '${NO_KEY}'}\n",
        "4:31: /publishers/shop/authentication/api_key The environment variable NO_KEY is not set.",
    ),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_has_its_line_and_path(name: str) -> None:
    text, said = FAULTS[name]
    with pytest.raises(InvalidFile) as refused:
        load(text, OFFLINE, {})
    assert said in str(refused.value), str(refused.value)


def test_a_billion_laughs_are_refused_before_they_are_written_out() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{each}: &a{each} [{', '.join([f'*a{each - 1}'] * 10)}]" for each in range(1, 30)]
    with pytest.raises(InvalidFile) as refused:
        read("\n".join(lines))
    assert f"at most {MAX_VALUES} values" in str(refused.value)
    with pytest.raises(InvalidFile):
        read(" " * (MAX_BYTES + 1))


def test_aliases_are_written_out() -> None:
    text = "a: &types [b.c]\nd: *types\n"
    assert read(text).value() == {"a": ["b.c"], "d": ["b.c"]}


def test_scalars_are_those_of_yaml_1_2() -> None:
    text = "[on, yes, 010, 0o10, 0x1f, 1_000, 12:30, ~, 1e3, '7', !!str 7, ! 7, 2026-05-01]"
    assert read(text).value() == [
        "on", "yes", 10, 8, 31, "1_000", "12:30", None, 1000.0, "7", "7", "7", "2026-05-01",
    ]  # fmt: skip


SCHEMA = file_schema(OPENAPI)


@settings(max_examples=50)
@given(json_values)
def test_paused_is_true_or_false(value: Any) -> None:
    members = {"event_types": ["a.*"], "target": {"type": "pull"}, "paused": value}
    text = yaml.safe_dump({"subscriptions": {"billing.all": members}}, allow_unicode=True)
    found = faults(read(text), SCHEMA)
    assert [each.pointer for each in found] == (
        [] if isinstance(value, bool) else ["/subscriptions/billing.all/paused"]
    )


def test_the_schema_of_the_file_is_valid_and_knows_every_member() -> None:
    shown = run(RegistryBus(), "apply", "--schema", "--json")
    schema = json.loads(shown.stdout)
    assert set(schema["properties"]) == {
        "publishers",
        "subscribers",
        "schemas",
        "reducers",
        "read_models",
        "subscriptions",
    }
    sent = OPENAPI["components"]["schemas"]["SubscriptionRegistration"]["properties"]
    known = schema["$defs"]["Subscription"]["properties"]
    assert sent.keys() - known.keys() == {"authentication", "replay_from"}
