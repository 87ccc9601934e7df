"""`event-bus login` with a keyring, and without one."""

import subprocess
import sys
import tomllib
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import keyring
import keyring.backend
import keyring.errors
import pytest
from event_bus_client import ConfigurationError
from event_bus_client.cli.context import State
from event_bus_client.cli.login import _write, ask
from event_bus_client.cli.main import app
from event_bus_client.config import Config, profiles, resolve
from httpx import MockTransport
from typer.testing import CliRunner

from tests.unit.clients.command_line import ScriptedBus


class Ring(keyring.backend.KeyringBackend):
    """A keyring in memory."""

    priority = 1

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.kept: dict[tuple[str, str], str] = {}
        self.locked = False

    def get_password(self, service: str, username: str) -> str | None:
        if self.locked:
            raise keyring.errors.KeyringLocked("locked")
        return self.kept.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        if self.locked:
            raise keyring.errors.KeyringLocked("locked")
        self.kept[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        if self.locked:
            raise keyring.errors.KeyringLocked("locked")
        if (service, username) not in self.kept:
            raise keyring.errors.PasswordDeleteError("there is none")
        del self.kept[service, username]


# It is no backend of this machine that other tests may find.
keyring.backend.KeyringBackend._classes.discard(Ring)


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("EVENT_BUS_URL", "EVENT_BUS_API_KEY", "EVENT_BUS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("EVENT_BUS_CONFIG", str(tmp_path / "config.toml"))
    return tmp_path / "config.toml"


@pytest.fixture
def ring(monkeypatch: pytest.MonkeyPatch) -> Ring:
    made = Ring()
    monkeypatch.setattr(keyring.core, "_keyring_backend", made)
    return made


def login(*arguments: str, key: str = "ebk_2", **options: Any) -> str:
    bus = ScriptedBus(**{"GET /events": {"items": [], "next_cursor": None}})
    named = ["login", "--url", "https://b", "--api-key", key, *arguments]
    result = CliRunner().invoke(app, named, obj=State(transport=MockTransport(bus)), **options)
    assert result.exit_code == 0, result.output
    return result.output


def test_a_key_is_kept_in_the_keyring(file: Path, ring: Ring) -> None:
    said = login("--websocket-url", "wss://b/prod")
    assert "its key in the keyring" in said
    assert tomllib.loads(file.read_text())["default"] == {
        "url": "https://b",
        "api_key_in": "keyring",
        "websocket_url": "wss://b/prod",
    }
    assert list(ring.kept.values()) == ["ebk_2"]
    assert resolve().api_key == "ebk_2"
    ring.kept.clear()
    with pytest.raises(ConfigurationError, match="event-bus login"):
        resolve()


@pytest.mark.parametrize("stored", ["", '[default]\nurl = "https://b"\napi_key_in = "keyring"\n'])
def test_a_login_needs_no_profile(
    file: Path, ring: Ring, monkeypatch: pytest.MonkeyPatch, stored: str
) -> None:
    file.write_text(stored)
    # A profile of this name is only stored by the login, or the keyring has lost its key.
    monkeypatch.setenv("EVENT_BUS_PROFILE", "default" if stored else "new")
    login()
    assert list(ring.kept.values()) == ["ebk_2"]
    assert resolve().api_key == "ebk_2"


@pytest.mark.parametrize("given", ["argument", "environment"])
def test_a_given_key_needs_no_keyring(
    file: Path, ring: Ring, monkeypatch: pytest.MonkeyPatch, given: str
) -> None:
    login()
    ring.locked = True
    if given == "environment":
        monkeypatch.setenv("EVENT_BUS_API_KEY", "ebk_3")
        assert resolve() == Config("https://b", "ebk_3")
    else:
        assert resolve(api_key="ebk_3") == Config("https://b", "ebk_3")
    # A profile that is passed as an argument takes precedence over the variable.
    with pytest.raises(ConfigurationError, match="event-bus login"):
        resolve(profile="default")


def test_a_login_stores_no_url_that_no_command_can_use(file: Path, ring: Ring) -> None:
    arguments = ["login", "--url", "https://b", "--api-key", "ebk_2", "--websocket-url", "b/prod"]
    result = CliRunner().invoke(app, arguments, obj=State())
    assert isinstance(result.exception, ConfigurationError)
    assert not ring.kept
    assert not file.exists()


def test_without_a_keyring_the_file_keeps_it(file: Path, ring: Ring) -> None:
    login("--no-keyring")
    assert not ring.kept
    ring.locked = True
    said = login()
    assert str(file) in said
    assert tomllib.loads(file.read_text())["default"]["api_key"] == "ebk_2"
    assert file.stat().st_mode & 0o777 == 0o600


def test_a_key_may_come_from_stdin(file: Path) -> None:
    login("--no-keyring", key="-", input="ebk_from_stdin\n")
    assert tomllib.loads(file.read_text())["default"]["api_key"] == "ebk_from_stdin"


@pytest.mark.parametrize("terminal", [True, False])
def test_a_key_is_hidden_where_somebody_types_it(
    monkeypatch: pytest.MonkeyPatch, terminal: bool
) -> None:
    hidden: list[bool] = []

    def prompt(_: str, *, hide_input: bool) -> str:
        hidden.append(hide_input)
        return "ebkask"

    monkeypatch.setattr(
        "event_bus_client.cli.login.sys.stdin", SimpleNamespace(isatty=lambda: terminal)
    )
    monkeypatch.setattr("event_bus_client.cli.login.typer.prompt", prompt)
    assert ask() == "ebkask"
    assert hidden == [terminal]


def test_without_a_terminal_nothing_warns() -> None:
    # A process of its own session has no terminal at all.
    ended = subprocess.run(
        [sys.executable, "-c", "from event_bus_client.cli.login import ask; print(ask())"],
        input=b"ebk_piped\n",
        capture_output=True,
        start_new_session=True,
        check=True,
        timeout=60,
    )
    assert ended.stdout == b"API key: ebk_piped\n"
    assert ended.stderr == b""


def test_the_key_of_a_bus_is_not_sent_to_another_one(file: Path, ring: Ring) -> None:
    login()
    # Whoever can write the file of profiles could otherwise have the key sent to their server.
    file.write_text(file.read_text().replace("https://b", "https://other"))
    with pytest.raises(ConfigurationError, match="event-bus login"):
        resolve()
    file.write_text(file.read_text().replace("https://other", "https://b"))
    assert resolve().api_key == "ebk_2"


def test_a_profile_takes_nothing_from_the_default_one(file: Path) -> None:
    file.write_text(
        '[default]\nurl = "https://prod"\napi_key = "ebk_prod"\nwebsocket_url = "wss://prod"\n'
        '[local]\nurl = "https://local"\nwebsocket_url = "wss://local"\n'
    )
    bus = ScriptedBus(**{"GET /health/ready": {"status": "pass", "checks": {}}})
    state = State(transport=MockTransport(bus))
    result = CliRunner().invoke(app, ["--profile", "local", "status"], obj=state)
    assert result.exit_code == 0, result.output
    [request] = bus.requests
    assert request.url.host == "local"
    # The key of one bus is not sent to another one, nor is a WebSocket opened to another one.
    assert "x-api-key" not in request.headers
    assert state.bus._transport.config == state.config


@pytest.mark.parametrize("where", ["keyring", "file", "lost", "locked"])
def test_a_logout_removes_the_profile_and_its_key(file: Path, ring: Ring, where: str) -> None:
    login(*(["--no-keyring"] if where == "file" else []))
    arguments = ["--profile", "other", "login", "--url", "https://c", "--api-key", "ebk_3"]
    bus = ScriptedBus(**{"GET /events": {"items": [], "next_cursor": None}})
    CliRunner().invoke(app, arguments, obj=State(transport=MockTransport(bus)))
    if where == "lost":
        ring.kept.clear()
    ring.locked = where == "locked"
    done = CliRunner().invoke(app, ["logout"], obj=State())
    assert done.exit_code == 0, done.output
    assert "Profile default is removed" in done.output
    assert [*tomllib.loads(file.read_text())] == ["other"]
    assert file.stat().st_mode & 0o777 == 0o600
    if where != "locked":
        assert "ebk_2" not in ring.kept.values()
    again = CliRunner().invoke(app, ["logout"], obj=State())
    assert isinstance(again.exception, ConfigurationError)


def test_profiles_may_have_names_and_files_in_any_characters(file: Path) -> None:
    file.write_text('["\U0001f600"]\nurl = "https://ü"\n"odd key" = "a"\n', encoding="utf-8")
    given = {"\U0001f600": {"url": "https://ü", "odd key": "a"}, "a\x7f\\": {"url": '"\u2028'}}
    _write(file, {**profiles(file), "a\x7f\\": {"url": '"\u2028'}})
    assert profiles(file) == given
