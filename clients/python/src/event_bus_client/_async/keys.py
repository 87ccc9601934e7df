"""The keys of services."""

from datetime import datetime
from typing import Any

from event_bus_client._async.transport import AsyncTransport
from event_bus_client.calls import Call, creating, path, present, text
from event_bus_client.models import Key


class AsyncKeys:
    """The keys of services.

    Example:
        ```python
        key = await bus.publishers.keys.create("shop", name="nightly import", scopes=["publish"])
        print(key.api_key)
        ```
    """

    def __init__(self, transport: AsyncTransport, owners: str) -> None:
        """Uses a transport.

        Args:
            transport: Sends the requests.
            owners: The path of the services, such as `/publishers`.
        """
        self._transport = transport
        self._path = owners + "/{}/keys"

    async def create(
        self,
        service_id: str,
        *,
        name: str | None = None,
        scopes: list[str] | None = None,
        expires_at: datetime | str | None = None,
        rate_limit: int | None = None,
        authentication: dict[str, Any] | None = None,
    ) -> Key:
        """Makes a further key of a service.

        Args:
            service_id: The service.
            name: A name for people.
            scopes: What the key permits, such as `publish`; None for all.
            expires_at: When it ends; None for never.
            rate_limit: Requests a second, for an admin to set; None for the limit of all keys.
            authentication: A key of your choice, a certificate, or a role or user of IAM, as the
                API documents it; None for a generated key.

        Returns:
            The key. Its `api_key` is never shown again.
        """
        body = present(
            name=name,
            scopes=scopes,
            expires_at=None if expires_at is None else text(expires_at),
            rate_limit=rate_limit,
            authentication=authentication,
        )
        call = creating(path(self._path, service_id), body)
        return await self._transport.read(call, Key.model_validate)

    async def list(self, service_id: str) -> list[Key]:
        """Lists the keys of a service, the oldest first, without their secrets."""
        call = Call("GET", path(self._path, service_id))
        return await self._transport.read(call, _keys)

    async def rotate(self, service_id: str, key_id: str, *, overlap: int | None = None) -> Key:
        """Replaces a key by a new one.

        Args:
            service_id: The service.
            key_id: The key.
            overlap: For how many seconds the old key stays valid; None for a day.

        Returns:
            The new key. Its `api_key` is never shown again.

        Raises:
            Conflict: The key was replaced already, or is a certificate.
        """
        call = creating(
            path(self._path + "/{}/rotate", service_id, key_id), present(overlap=overlap)
        )
        return await self._transport.read(call, Key.model_validate)

    async def revoke(self, service_id: str, key_id: str) -> None:
        """Revokes a key: within half a minute it is refused everywhere."""
        await self._transport.send(Call("DELETE", path(self._path + "/{}", service_id, key_id)))


def _keys(document: Any) -> list[Key]:
    return [Key.model_validate(each) for each in document["items"]]
