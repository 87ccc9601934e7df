"""Events are sent over HTTPS to URLs that mean what they say; on the local stage HTTP will do."""

from collections.abc import Callable

import pytest
from event_bus.security.callbacks import MAX_URL_LENGTH, check_callback_url

GOOD = [
    "https://worker.example",
    "https://worker.example/",
    "https://worker.example:8443/events?tenant=a&b=%20",
    "https://WORKER.example/events",
    "HTTPS://worker.example/events",
    "https://192.0.2.1/events",
    "https://[2001:db8::1]:8443/events",
    "https://xn--bcher-kva.example/%C3%BC",
    "https://worker.example/" + "x" * (MAX_URL_LENGTH - len("https://worker.example/")),
]
BAD = [
    "",
    "worker.example/events",
    "//worker.example/events",
    "/events",
    "https:worker.example",
    "https:///events",
    "https://",
    "https://:443/events",
    "https://worker.example:0/",
    "https://worker.example:65536/",
    "https://worker.example:port/",
    "https://[::1/events",
    "https://user@worker.example/",
    "https://user:password@worker.example/",
    "https://@worker.example/",
    "https://worker.example/#fragment",
    "https://bücher.example/",
    "https://worker.example/a b",
    "https://worker.example/\r\nx: y",
    "https://worker.example\\@evil.example/",
    "https://worker.example/\x00",
    "https://worker.example/<script>",
    " https://worker.example/",
    "https://worker.example/\n",
    "ftp://worker.example/",
    "file:///etc/passwd",
    "gopher://worker.example/",
    "javascript:alert(1)",
    "https://worker.example/" + "x" * MAX_URL_LENGTH,
]


@pytest.mark.parametrize("stage", ["local", "prod"])
@pytest.mark.parametrize("url", GOOD, ids=lambda url: url[:50])
def test_a_good_url_is_good_everywhere(tell: Callable[..., None], stage: str, url: str) -> None:
    tell(STAGE=stage)
    check_callback_url(url)


@pytest.mark.parametrize("stage", ["local", "prod"])
@pytest.mark.parametrize("url", BAD, ids=lambda url: url[:50])
def test_a_bad_url_is_bad_everywhere(tell: Callable[..., None], stage: str, url: str) -> None:
    tell(STAGE=stage)
    with pytest.raises(ValueError, match="must"):
        check_callback_url(url)


@pytest.mark.parametrize("url", ["http://worker.example/", "http://127.0.0.1:8080/events"])
def test_plain_http_is_for_the_local_stage_alone(tell: Callable[..., None], url: str) -> None:
    tell(STAGE="local")
    check_callback_url(url)
    tell(STAGE="prod")
    with pytest.raises(ValueError, match=r"must begin with https://$"):
        check_callback_url(url)
