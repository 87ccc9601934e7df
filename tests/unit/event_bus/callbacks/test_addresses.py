"""Callbacks lead to public addresses alone, however these are written."""

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

import pytest
from event_bus.callbacks.addresses import literal, may_lead_to
from hypothesis import given
from hypothesis import strategies as st

PUBLIC = ["9.9.9.9", "172.15.255.255", "172.32.0.1", "100.63.0.1", "223.255.255.255"]
PUBLIC_6 = [
    "2000::1",
    "2001:200::1",
    "2001:4860:4860::8888",
    "2003::1",
    "2400:cb00::1",
    "2620:fe::fe",
    "2620:4f:7fff:ffff::1",
    "2a00:1450:4001:80f::200e",
    "2c0f:f248::1",
    "3fff:1000::1",
    "64:ff9b::9.9.9.9",
    "::ffff:9.9.9.9",
]
FORBIDDEN = [
    "0.0.0.0",
    "10.0.0.1",
    "100.64.0.1",
    "127.0.0.1",
    "127.255.255.254",
    "168.63.129.16",
    "169.254.169.254",
    "169.254.170.2",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.170",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.1.1",
    "198.18.0.1",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "239.255.255.255",
    "240.0.0.1",
    "255.255.255.255",
]
FORBIDDEN_6 = [
    "::",
    "::1",
    "::169.254.169.254",
    "::ffff:0:127.0.0.1",
    "64:ff9b:1::1",
    "100::1",
    "100:0:0:1::1",
    "1fff:ffff::1",
    "2001::1",
    "2001:1::1",
    "2001:1ff:ffff::1",
    "2001:db8::1",
    "2002:a9fe:a9fe::1",
    "2002:909:909::1",
    "2620:4f:8000::1",
    "3fff::1",
    "3fff:fff:ffff::1",
    "4000::1",
    "5f00::1",
    "8000::1",
    "a000::1",
    "e000::1",
    "f000::1",
    "64:ff9b::169.254.169.254",
    "64:ff9b::10.0.0.1",
    "64:ff9b:0:0:1::9.9.9.9",
    "::ffff:192.168.0.1",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",
    "ff02::1",
]


@pytest.mark.parametrize("address", [*PUBLIC, *PUBLIC_6])
def test_public_addresses_may_be_led_to(address: str) -> None:
    assert may_lead_to(address)


@pytest.mark.parametrize("address", [*FORBIDDEN, *FORBIDDEN_6])
def test_others_may_not(address: str) -> None:
    assert not may_lead_to(address)


@pytest.mark.parametrize("address", FORBIDDEN_6)
def test_an_allowed_network_is_no_other(address: str) -> None:
    allowed = [ip_network("127.0.0.0/8"), ip_network("::1/128")]
    assert may_lead_to(address, allowed) is (address == "::1")


@given(st.ip_addresses(v=4))
def test_an_address_in_another_is_judged_as_itself(address: IPv4Address) -> None:
    direct = may_lead_to(str(address))
    for prefix in ("::ffff:0:0", "64:ff9b::"):
        wrapped = ip_address(int(IPv6Address(prefix)) | int(address))
        assert may_lead_to(str(wrapped)) is direct
    allowed = [ip_network(f"{address}/32")]
    assert may_lead_to(f"::ffff:{address}", allowed)
    # Nothing leads to what is forbidden by way of an address that holds it.
    holders = ("::", "::ffff:0:0:0", "2002::", "2620:fe::5efe:0:0", "2620:fe::200:5efe:0:0")
    for prefix in holders:
        shift = 80 if prefix == "2002::" else 0
        wrapped = ip_address(int(IPv6Address(prefix)) | int(address) << shift)
        assert direct or not may_lead_to(str(wrapped))


@given(st.ip_addresses(v=6))
def test_only_global_unicast_addresses_of_ipv6_are_allowed(address: IPv6Address) -> None:
    embeds = ip_network("::ffff:0:0/96"), ip_network("64:ff9b::/96")
    if may_lead_to(str(address)) and not any(address in each for each in embeds):
        assert int(address) >> 125 == 0b001


@given(st.ip_addresses())
def test_no_address_that_python_calls_private_is_permitted(
    address: IPv4Address | IPv6Address,
) -> None:
    assert not (address.is_private and may_lead_to(str(address)))


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "127.1",
        "127.0.1",
        "2130706433",
        "0x7f000001",
        "0x7f.1",
        "017700000001",
        "0177.0.0.1",
        "00000177.0.0.01",
        "::ffff:127.0.0.1",
        "0:0:0:0:0:0:0:1",
        "::1",
        "0",
    ],
)
def test_every_spelling_of_an_address_is_known(host: str) -> None:
    assert literal(host)
    assert not any(map(may_lead_to, literal(host)))


@pytest.mark.parametrize("host", ["worker.example", "localhost", "127.0.0.1.example", "x" * 300])
def test_a_name_is_no_address(host: str) -> None:
    assert literal(host) == []
