"""Text for AWS holds the characters of XML 1.0 alone, and JSON arrives as it was."""

import json

import orjson
import pytest
from event_bus.aws_text import accepted, json_text

SURROGATES = range(0xD800, 0xE000)


def test_every_character_arrives_in_json() -> None:
    every = "".join(chr(code) for code in range(0x11_0000) if code not in SURROGATES)
    sent = {every: [every, 1.0, None, True]}
    text = json_text(sent)
    assert accepted(text)
    # By two readers. One of them is not the writer's own.
    assert orjson.loads(text) == sent
    assert json.loads(text) == sent


@pytest.mark.parametrize("text", ["\\\uffff", "\\\\\ufffe", '"\uffff"', "\uffff\ufffe", "u\uffff"])
def test_an_escape_stands_beside_others(text: str) -> None:
    assert orjson.loads(json_text(text)) == text


def test_ready_made_json_is_escaped_too() -> None:
    fragment = orjson.Fragment(orjson.dumps({"v": "\uffff"}))
    assert json_text({"payload": fragment}) == '{"payload":{"v":"\\uffff"}}'


@pytest.mark.parametrize(
    ("first", "last", "taken"),
    [
        (0x00, 0x08, False),
        (0x09, 0x0A, True),
        (0x0B, 0x0C, False),
        (0x0D, 0x0D, True),
        (0x0E, 0x1F, False),
        (0x20, 0xD7FF, True),
        (0xD800, 0xDFFF, False),
        (0xE000, 0xFFFD, True),
        (0xFFFE, 0xFFFF, False),
        (0x1_0000, 0x10_FFFF, True),
    ],
)
def test_text_is_accepted_as_xml_has_it(first: int, last: int, taken: bool) -> None:
    assert {accepted(f"a{chr(code)}b") for code in range(first, last + 1)} == {taken}
