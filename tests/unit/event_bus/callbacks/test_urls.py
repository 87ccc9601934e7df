"""Events are sent over HTTPS to URLs that mean what they say; on the local stage HTTP will do."""

from collections.abc import Callable

import pytest
from event_bus.callbacks.urls import MAX_URL_LENGTH, check_callback_url

GOOD = [
    "https://worker.example",
    "https://worker.example/",
    "https://worker.example:8443/events?tenant=a&b=%20",
    "https://WORKER.example/events",
    "HTTPS://worker.example/events",
    "https://9.9.9.9/events",
    "https://[2620:fe::fe]:8443/events",
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
    tell(STAGE="local", CALLBACK_NETWORKS="127.0.0.0/8,::1/128")
    check_callback_url(url)
    tell(STAGE="prod")
    with pytest.raises(ValueError, match=r"must begin with https://$"):
        check_callback_url(url)


@pytest.mark.parametrize("stage", ["local", "prod"])
@pytest.mark.parametrize(
    "host", ["169.254.169.254", "10.1", "0x7f000001", "[::1]", "[fd00:ec2::254]"]
)
def test_an_address_that_is_not_public_must_be_allowed(
    tell: Callable[..., None], stage: str, host: str
) -> None:
    tell(STAGE=stage)
    with pytest.raises(ValueError, match="must not name a private or reserved address"):
        check_callback_url(f"https://{host}/events")
    tell(STAGE=stage, CALLBACK_NETWORKS="0.0.0.0/0,::/0")
    check_callback_url(f"https://{host}/events")


@pytest.mark.parametrize("host", ["bus.example", "BUS.example", "bus.example.", "bus.example:8443"])
def test_no_callback_leads_to_the_bus_itself(tell: Callable[..., None], host: str) -> None:
    tell(STAGE="prod", API_HOST="Bus.example")
    with pytest.raises(ValueError, match="must not lead to the bus itself"):
        check_callback_url(f"https://{host}/events")
    check_callback_url("https://bus.example.com/events")


@pytest.mark.parametrize("port", [22, 25, 80, 8080, 6379, 65535])
def test_odd_ports_are_for_the_local_stage_alone(tell: Callable[..., None], port: int) -> None:
    tell(STAGE="local")
    check_callback_url(f"https://worker.example:{port}/")
    tell(STAGE="prod")
    with pytest.raises(ValueError, match="must name the port 443 or 8443, or none"):
        check_callback_url(f"https://worker.example:{port}/")
