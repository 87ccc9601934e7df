"""Where the client finds the bus."""

from pathlib import Path

import pytest
from event_bus_client import ConfigurationError, EventBus
from event_bus_client.config import Config, checked, resolve

NAMES = ("URL", "API_KEY", "PROFILE", "CONFIG", "CA_FILE")


@pytest.fixture(autouse=True)
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in NAMES:
        monkeypatch.delenv(f"EVENT_BUS_{name}", raising=False)
    file = tmp_path / "config.toml"
    file.write_text(
        """
        [default]
        url = "https://default.example/"
        api_key = "ebk_default"

        [staging]
        url = "https://staging.example"
        """
    )
    monkeypatch.setenv("EVENT_BUS_CONFIG", str(file))
    return file


def test_the_default_profile_is_the_last_resort(monkeypatch: pytest.MonkeyPatch) -> None:
    assert resolve() == Config("https://default.example", "ebk_default")
    monkeypatch.setenv("EVENT_BUS_URL", "https://variable.example")
    assert resolve() == Config("https://variable.example", "ebk_default")
    assert resolve("https://argument.example", "k") == Config("https://argument.example", "k")


def test_a_profile_that_is_named_counts_before_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVENT_BUS_URL", "https://variable.example")
    monkeypatch.setenv("EVENT_BUS_API_KEY", "ebk_variable")
    assert resolve(profile="staging") == Config("https://staging.example", "ebk_variable")
    monkeypatch.setenv("EVENT_BUS_PROFILE", "staging")
    assert resolve().url == "https://variable.example"


@pytest.mark.parametrize(
    ("content", "profile", "message"),
    [
        ("", None, "URL of the bus is missing"),
        ("", "staging", r"no profile \[staging\]"),
        ("[staging", "staging", "cannot be read"),
        ('staging = "x"', "staging", "must be a table of strings"),
        ('[default]\nurl = "bus.example"', None, "must begin with https://"),
    ],
)
def test_a_faulty_configuration_is_refused_with_its_fault(
    file: Path, content: str, profile: str | None, message: str
) -> None:
    file.write_text(content)
    with pytest.raises(ConfigurationError, match=message):
        resolve(profile=profile)


@pytest.mark.parametrize(
    "url",
    ["wss://", "wss:///live", "wss://bus:port", "wss://[::1", "wss://bus/#a", f"wss://{64 * 'b'}"],
)
def test_a_websocket_url_that_leads_nowhere_is_refused(url: str) -> None:
    # `follow` connects again after each failure.
    with pytest.raises(ConfigurationError, match="WebSocket URL is not a valid URL"):
        resolve("https://bus.example", websocket_url=url)


def test_websocket_urls_may_have_ports_and_paths() -> None:
    for url in ("ws://localhost:4566/_aws/ws/a/live", "wss://bus.example/live", "ws://[::1]:80"):
        assert resolve("https://bus.example", websocket_url=url).websocket_url == url


def test_a_missing_file_is_no_fault(file: Path) -> None:
    file.unlink()
    assert resolve("https://bus.example").api_key is None


def test_a_key_is_in_no_repr() -> None:
    assert "ebk_default" not in repr(resolve())


def test_a_password_of_a_url_is_in_no_repr() -> None:
    assert "hidden" not in repr(checked("https://user:hidden@bus.test", None))


@pytest.mark.parametrize("url", ["ebk_1.hidden", "ebt_hidden", "https://bus.test:ebk_1.hidden/a"])
def test_a_key_in_the_place_of_the_url_is_in_no_message(url: str) -> None:
    for members in ((url, None), ("https://bus.test", None, None, url)):
        with pytest.raises(ConfigurationError, match=r"eb[kt]_\*\*\*") as refusal:
            checked(*members)
        assert "hidden" not in str(refusal.value)


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("HTTPS_PROXY", "ftp://127.0.0.1:9"),
        ("HTTPS_PROXY", "http://proxy.test:8a"),
        ("HTTPS_PROXY", "http://proxy.test\x7f"),
        ("SSL_CERT_FILE", "/does/not/exist.pem"),
    ],
)
def test_an_environment_that_cannot_be_used_is_named(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(ConfigurationError, match=variable):
        EventBus("https://bus.test")
