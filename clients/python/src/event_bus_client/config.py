"""The URL and key of the bus, from arguments, environment variables or a profile."""

import os
import re
import ssl
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import httpx

from event_bus_client.errors import ConfigurationError
from event_bus_client.keyrings import kept

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

URL_VARIABLE = "EVENT_BUS_URL"
KEY_VARIABLE = "EVENT_BUS_API_KEY"
PROFILE_VARIABLE = "EVENT_BUS_PROFILE"
FILE_VARIABLE = "EVENT_BUS_CONFIG"
CA_VARIABLE = "EVENT_BUS_CA_FILE"
WEBSOCKET_VARIABLE = "EVENT_BUS_WEBSOCKET_URL"

Profile = dict[str, str]
"""The members of a profile in the configuration file."""

DEFAULT_FILE = Path("~/.config/event-bus/config.toml")


@dataclass(frozen=True)
class Config:
    """How to reach a bus.

    Attributes:
        url: The base URL of its API.
        api_key: The key to send; None sends none.
        ca_file: A file of certificates to trust instead of the system's, as a local bus needs.
        websocket_url: The URL for WebSockets; None without WebSockets.
    """

    url: str
    api_key: str | None = None
    ca_file: str | None = None
    websocket_url: str | None = None

    def __repr__(self) -> str:
        # Neither a key nor a password must get into logs.
        return f"Config(url={_shown(self.url)}, api_key={'***' if self.api_key else None})"


def resolve(
    url: str | None = None,
    api_key: str | None = None,
    profile: str | None = None,
    ca_file: str | None = None,
    websocket_url: str | None = None,
) -> Config:
    """Finds out where the bus is.

    Each value is taken from the first of these that has it: the argument; the environment
    variables EVENT_BUS_URL, EVENT_BUS_API_KEY, EVENT_BUS_CA_FILE and EVENT_BUS_WEBSOCKET_URL; the
    profile in the file that EVENT_BUS_CONFIG names, by default ~/.config/event-bus/config.toml.
    EVENT_BUS_PROFILE names the profile, by default "default". The values of a profile that is
    passed as an argument take precedence over the environment variables.

    Args:
        url: The base URL of the API.
        api_key: The key.
        profile: The name of a profile.
        ca_file: A file of certificates to trust.
        websocket_url: The URL for WebSockets.

    Raises:
        ConfigurationError: There is no URL, the profile does not exist, or its file cannot be read.
    """
    stored = _profile(profile)
    environment: Mapping[str, str | None] = {
        "url": os.environ.get(URL_VARIABLE),
        "api_key": os.environ.get(KEY_VARIABLE),
        "ca_file": os.environ.get(CA_VARIABLE),
        "websocket_url": os.environ.get(WEBSOCKET_VARIABLE),
    }
    later = (stored, environment) if profile else (environment, stored)

    def first(name: str, given: str | None) -> str | None:
        return given or later[0].get(name) or later[1].get(name)

    return checked(
        first("url", url),
        first("api_key", api_key),
        first("ca_file", ca_file),
        first("websocket_url", websocket_url),
    )


def checked(
    url: str | None,
    api_key: str | None,
    ca_file: str | None = None,
    websocket_url: str | None = None,
) -> Config:
    """Returns how to reach a bus, from these values alone.

    Args:
        url: The base URL of the API.
        api_key: The key.
        ca_file: A file of certificates to trust.
        websocket_url: The URL for WebSockets.

    Raises:
        ConfigurationError: There is no URL, or a value is not valid.
    """
    found = (url or "").strip()
    if not found:
        raise ConfigurationError(
            f"The URL of the bus is missing: pass url=, set {URL_VARIABLE}, or write a profile "
            f"into {profiles_file()}."
        )
    shown = _shown(found)
    if not found.startswith(("https://", "http://")):
        raise ConfigurationError(f"The URL of the bus must begin with https://, not {shown}.")
    # Paths are put behind it.
    if not _has_host(found) or "?" in found or "#" in found:
        raise ConfigurationError(f"The URL of the bus is not a valid URL: {shown}.")
    key = (api_key or "").strip()
    if not (key.isascii() and key.isprintable()):
        raise ConfigurationError("The API key has characters that no key has; copy it again.")
    sockets = (websocket_url or "").strip() or None
    shown = _shown(sockets or "")
    if sockets and not sockets.startswith(("wss://", "ws://")):
        raise ConfigurationError(f"The WebSocket URL must begin with wss://, not {shown}.")
    if sockets and (not _has_host(sockets) or "#" in sockets):
        # A connection that cannot be opened would be tried for ever.
        raise ConfigurationError(f"The WebSocket URL is not a valid URL: {shown}.")
    return Config(found.rstrip("/"), key or None, ca_file, sockets)


def _shown(url: str) -> str:
    """Returns a URL for an error message, with its user, password, keys and tokens masked."""
    return repr(re.sub(r"(eb[kt]_)[^/\s]*", r"\1***", re.sub(r"//.*@", "//***@", url)))


def _has_host(url: str) -> bool:
    """Returns whether a URL is one, and its host can be looked up."""
    try:
        # A name with a part of more than 63 characters cannot be.
        return bool(httpx.URL(url).raw_host.decode().encode("idna"))
    except (httpx.InvalidURL, ValueError):
        return False


def trusted(ca_file: str) -> ssl.SSLContext:
    """Makes a TLS context that trusts the certificates of a file.

    Raises:
        ConfigurationError: The file cannot be read.
    """
    try:
        return ssl.create_default_context(cafile=ca_file)
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"The certificates in {ca_file} cannot be read: {error}") from None


def profiles_file() -> Path:
    """Returns the file with the profiles: that of EVENT_BUS_CONFIG, or the default one."""
    return Path(os.environ.get(FILE_VARIABLE) or DEFAULT_FILE).expanduser()


@dataclass(frozen=True)
class _StoredProfile:
    """A profile of the file. Its key may be in the keyring, which is read when the key is needed.

    Attributes:
        name: Its name.
        members: Its members in the file; none if the file has no such profile.
    """

    name: str
    members: Profile

    def get(self, member: str) -> str | None:
        """Returns the value of a member; None if it has none.

        Raises:
            ConfigurationError: The keyring should have the key, and does not.
        """
        if member != "api_key" or self.members.get("api_key_in") != "keyring":
            return self.members.get(member)
        key = kept(self.name, self.members.get("url", ""))
        if key is None:
            raise ConfigurationError(
                f"The keyring has no key for the profile [{self.name}]: run event-bus login again."
            )
        return key


def _profile(name: str | None) -> _StoredProfile:
    chosen = name or os.environ.get(PROFILE_VARIABLE)
    file = profiles_file()
    found = profiles(file)
    if chosen and chosen not in found:
        raise ConfigurationError(f"There is no profile [{chosen}] in {file}.")
    named = chosen or "default"
    return _StoredProfile(named, found.get(named, {}))


def profiles(file: Path) -> dict[str, Profile]:
    """Returns the profiles in a file; none where there is no file.

    Raises:
        ConfigurationError: The file cannot be read, or a profile is not a table of strings.
    """
    try:
        document: dict[str, dict[str, str]] = tomllib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigurationError(f"{file} cannot be read: {error}") from error
    for name, members in document.items():
        if not isinstance(members, dict) or not all(
            isinstance(each, str) for each in members.values()
        ):
            raise ConfigurationError(f"[{name}] in {file} must be a table of strings.")
    return document
