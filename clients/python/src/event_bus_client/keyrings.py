"""Keys of profiles in the keyring of the machine, if there is one (extra `keyring`)."""

import logging
from typing import Any

logger = logging.getLogger("event_bus_client")

_SERVICE = "event-bus"


def keep(profile: str, url: str, api_key: str) -> bool:
    """Puts a key into the keyring.

    Returns:
        Whether it is there: False if there is no keyring, or it cannot be opened.
    """
    keyring = _keyring()
    if keyring is None or keyring.get_keyring().priority <= 0:
        return False
    try:
        keyring.set_password(_SERVICE, _user(profile, url), api_key)
    except keyring.errors.KeyringError as error:
        logger.info("the keyring cannot be used: %s", error)
        return False
    return True


def kept(profile: str, url: str) -> str | None:
    """Returns the key of a profile in the keyring; None if there is none."""
    keyring = _keyring()
    if keyring is None:
        return None
    try:
        found: str | None = keyring.get_password(_SERVICE, _user(profile, url))
    except keyring.errors.KeyringError as error:
        logger.warning("the keyring cannot be used: %s", error)
        return None
    return found


def forget(profile: str, url: str) -> None:
    """Removes the key of a profile from the keyring, if it is there."""
    keyring = _keyring()
    if keyring is None:
        return
    try:
        keyring.delete_password(_SERVICE, _user(profile, url))
    except keyring.errors.PasswordDeleteError:
        # There is none.
        return
    except keyring.errors.KeyringError as error:
        logger.warning("the keyring cannot be used: %s", error)


def _user(profile: str, url: str) -> str:
    return f"{profile} {url}"


def _keyring() -> Any:
    try:
        import keyring  # noqa: PLC0415
        import keyring.errors  # noqa: PLC0415
    except ImportError:
        return None
    return keyring
