"""A body may be compressed, and its limits hold for what it decompresses to."""

import gzip
import re

import pytest
from event_bus.api.body import BINARY_JSON, MAX_BODY_BYTES, json_text
from event_bus.errors import MalformedRequest, TooLarge, UnsupportedMediaType


def compressed(body: bytes) -> bytes:
    """A body in gzip, without the time, which would make each worker's parameters others."""
    return gzip.compress(body, mtime=0)


def read(body: bytes, encoding: str = "gzip") -> bytes | str:
    return json_text(body, {"content-encoding": encoding})


@pytest.mark.parametrize("encoding", ["gzip", "GZIP", " x-gzip "])
def test_a_compressed_body_is_read(encoding: str) -> None:
    assert read(compressed(b'{"a": 1}'), encoding) == b'{"a": 1}'


@pytest.mark.parametrize("encoding", ["", "identity"])
def test_a_body_without_a_coding_is_as_it_was_sent(encoding: str) -> None:
    assert read(b"{}", encoding) == b"{}"
    assert json_text("{}", {}) == "{}"


def test_a_body_that_a_proxy_decompressed_is_read() -> None:
    assert read(b"{}") == b"{}"
    assert json_text("{}", {"content-encoding": "gzip"}) == "{}"


def test_gzip_that_was_read_as_text_is_refused_with_what_to_do() -> None:
    text = compressed(b"{}").decode(errors="replace")
    with pytest.raises(UnsupportedMediaType, match=re.escape(BINARY_JSON)):
        json_text(text, {"content-encoding": "gzip"})


@pytest.mark.parametrize("encoding", ["br", "deflate", "zstd", "gzip, gzip", "gzip;q=1"])
def test_another_coding_is_refused_with_those_that_are_taken(encoding: str) -> None:
    with pytest.raises(UnsupportedMediaType) as refusal:
        read(b"{}", encoding)
    assert refusal.value.headers == {"accept-encoding": "gzip"}


@pytest.mark.parametrize(
    "body",
    [
        compressed(b"{}")[:-1],
        compressed(b"{}") + b"{}",
        compressed(b"{}") + compressed(b"{}"),
        b"\x1f\x8b",
        b"\x1f\x8b{}",
    ],
)
def test_an_incomplete_gzip_body_is_refused(body: bytes) -> None:
    with pytest.raises(MalformedRequest):
        read(body)


@pytest.mark.parametrize("size", [MAX_BODY_BYTES + 1, 50 * MAX_BODY_BYTES])
def test_a_body_that_grows_over_the_limit_is_refused(size: int) -> None:
    with pytest.raises(TooLarge):
        read(compressed(b" " * size))


def test_a_body_may_grow_to_the_limit() -> None:
    assert len(read(compressed(b" " * MAX_BODY_BYTES))) == MAX_BODY_BYTES


@pytest.mark.parametrize("body", [b"", compressed(b"")])
def test_an_empty_body_is_refused(body: bytes) -> None:
    with pytest.raises(MalformedRequest):
        read(body)
