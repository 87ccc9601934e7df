"""Events are sent over HTTPS to URLs that mean what they say; on the local stage HTTP will do."""

from dataclasses import replace
from ipaddress import ip_network

import pytest
from event_bus.callbacks.urls import MAX_URL_LENGTH, CallbackRules

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
    "https://wor%6ber.example/",
    "https://[2620:fe::fe%25eth0]/events",
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


LOCAL, PROD = CallbackRules(local=True), CallbackRules()

STAGES = pytest.mark.parametrize("rules", [LOCAL, PROD], ids=["local", "prod"])


@STAGES
@pytest.mark.parametrize("url", GOOD, ids=lambda url: url[:50])
def test_a_good_url_is_good_everywhere(rules: CallbackRules, url: str) -> None:
    rules.check(url)


@STAGES
@pytest.mark.parametrize("url", BAD, ids=lambda url: url[:50])
def test_a_bad_url_is_bad_everywhere(rules: CallbackRules, url: str) -> None:
    with pytest.raises(ValueError, match="must"):
        rules.check(url)


@pytest.mark.parametrize("url", ["http://worker.example/", "http://127.0.0.1:8080/events"])
def test_plain_http_is_for_the_local_stage_alone(url: str) -> None:
    allowed = [ip_network("127.0.0.0/8"), ip_network("::1/128")]
    CallbackRules(allowed=allowed, local=True).check(url)
    with pytest.raises(ValueError, match=r"must begin with https://$"):
        CallbackRules(allowed=allowed).check(url)


@STAGES
@pytest.mark.parametrize(
    "host", ["169.254.169.254", "10.1", "0x7f000001", "[::1]", "[fd00:ec2::254]"]
)
def test_an_address_that_is_not_public_must_be_allowed(rules: CallbackRules, host: str) -> None:
    with pytest.raises(ValueError, match="must not name a private or reserved address"):
        rules.check(f"https://{host}/events")
    everywhere = [ip_network("0.0.0.0/0"), ip_network("::/0")]
    replace(rules, allowed=everywhere).check(f"https://{host}/events")


@pytest.mark.parametrize("host", ["bus.example", "BUS.example", "bus.example.", "bus.example:8443"])
def test_no_callback_leads_to_the_bus_itself(host: str) -> None:
    rules = CallbackRules(own_host="bus.example")
    with pytest.raises(ValueError, match="must not lead to the bus itself"):
        rules.check(f"https://{host}/events")
    rules.check("https://bus.example.com/events")


@pytest.mark.parametrize("port", [22, 25, 80, 8080, 6379, 65535])
def test_odd_ports_are_for_the_local_stage_alone(port: int) -> None:
    LOCAL.check(f"https://worker.example:{port}/")
    with pytest.raises(ValueError, match="must name the port 443 or 8443, or none"):
        PROD.check(f"https://worker.example:{port}/")
