"""Text that SQS, SNS and EventBridge accept: the characters of XML 1.0.

SQS refuses a message that holds any other character, replaces it with U+FFFD, or refuses the whole
batch, depending on the call and on the region's version
(https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html).
JSON can escape every character, so JSON text arrives unchanged; other text cannot.
"""

import re
from typing import Any

import orjson

_UNACCEPTED = "[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]"

_NONCHARACTERS = ("\ufffe", "\uffff")
"""The unaccepted characters that orjson writes as they are. It escapes those below U+0020 and
refuses surrogates."""


def json_text(value: Any) -> str:
    """Serializes a value as JSON of accepted characters alone; it parses to the same value."""
    text = orjson.dumps(value).decode()
    for character in _NONCHARACTERS:
        # They stand inside strings only, so an escape can take their place.
        text = text.replace(character, f"\\u{ord(character):x}")
    return text


def accepted(text: str) -> bool:
    """Returns whether text that is not JSON, such as a message attribute, can be sent as it is."""
    # Compiled at the first use, because that takes longer than importing most modules.
    return re.search(_UNACCEPTED, text) is None
