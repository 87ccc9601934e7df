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
    "https://worker.example/X!~",
    "HTTPS://worker.example/events",
    "https://9.9.9.9/events",
    "https://[2620:fe::fe]:8443/events",
    "https://xn--bcher-kva.example/%C3%BC",
    "https://worker.example/" + "x" * (MAX_URL_LENGTH - len("https://worker.example/")),
]
ASCII = "must be an ASCII URL; write other characters percent-encoded"
HOST = "must be a URL with a valid host and port"
SCHEME = "must begin with https://"
CREDENTIALS = "must not carry credentials"
BAD = [
    ("", SCHEME),
    ("worker.example/events", SCHEME),
    ("//worker.example/events", SCHEME),
    ("/events", SCHEME),
    ("https:worker.example", HOST),
    ("https:///events", HOST),
    ("https://", HOST),
    ("https://:443/events", HOST),
    ("https://worker.example:0/", HOST),
    ("https://worker.example:65536/", HOST),
    ("https://worker.example:port/", HOST),
    ("https://[::1/events", HOST),
    ("https://worker.example[2620:fe::fe]/events", HOST),
    ("https://[2620:fe::fe]x:8443/events", HOST),
    ("https://[v1.worker]/events", HOST),
    ("https://user@worker.example/", CREDENTIALS),
    ("https://user:password@worker.example/", CREDENTIALS),
    ("https://@worker.example/", CREDENTIALS),
    ("https://worker.example/#fragment", "must not have a fragment"),
    ("https://bücher.example/", ASCII),
    ("https://wor%6ber.example/", HOST),
    ("https://[2620:fe::fe%25eth0]/events", HOST),
    ("https://worker.example/a b", ASCII),
    ("https://worker.example/\r\nx: y", ASCII),
    ("https://worker.example\\@evil.example/", ASCII),
    ("https://worker.example/\x00", ASCII),
    ("https://worker.example/<script>", ASCII),
    (" https://worker.example/", ASCII),
    ("https://worker.example/\n", ASCII),
    ("ftp://worker.example/", SCHEME),
    ("file:///etc/passwd", SCHEME),
    ("gopher://worker.example/", SCHEME),
    ("javascript:alert(1)", SCHEME),
    (
        "https://worker.example/" + "x" * MAX_URL_LENGTH,
        f"must have at most {MAX_URL_LENGTH} characters",
    ),
]


LOCAL, PROD = CallbackRules(local=True), CallbackRules()

STAGES = pytest.mark.parametrize("rules", [LOCAL, PROD], ids=["local", "prod"])


@STAGES
@pytest.mark.parametrize("url", GOOD, ids=lambda url: url[:50])
def test_a_good_url_is_good_everywhere(rules: CallbackRules, url: str) -> None:
    rules.check(url)


@STAGES
@pytest.mark.parametrize(("url", "said"), BAD, ids=lambda text: text[:50])
def test_a_bad_url_is_refused_everywhere_and_told_why(
    rules: CallbackRules, url: str, said: str
) -> None:
    with pytest.raises(ValueError, match="must") as refusal:
        rules.check(url)
    also = " or http://" if rules.local and said is SCHEME else ""
    assert str(refusal.value) == said + also


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
    with pytest.raises(ValueError, match=r"^must not name a private .* setting callback_networks"):
        rules.check(f"https://{host}/events")
    everywhere = [ip_network("0.0.0.0/0"), ip_network("::/0")]
    replace(rules, allowed=everywhere).check(f"https://{host}/events")


@pytest.mark.parametrize("host", ["bus.example", "BUS.example", "bus.example.", "bus.example:8443"])
def test_no_callback_leads_to_the_bus_itself(host: str) -> None:
    rules = CallbackRules(own_host="bus.example")
    with pytest.raises(ValueError, match=r"^must not lead to the bus itself$"):
        rules.check(f"https://{host}/events")
    rules.check("https://bus.example.com/events")


@pytest.mark.parametrize("port", [22, 25, 80, 8080, 6379, 65535])
def test_odd_ports_are_for_the_local_stage_alone(port: int) -> None:
    LOCAL.check(f"https://worker.example:{port}/")
    with pytest.raises(ValueError, match="must name the port 443 or 8443, or none"):
        PROD.check(f"https://worker.example:{port}/")
