"""Credentials of services, as clients send them."""

from typing import Annotated

from pydantic import AfterValidator, Field, SecretStr, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from event_bus.model.api_keys import CredentialType, check_chosen_key
from event_bus.model.names import refuse_control_characters
from event_bus.model.principals import check_principal, principal_of
from event_bus.model.scopes import Scope
from event_bus.requests.validation import Name, RequestModel, Time, checked

MAX_RATE = 10_000
"""The highest rate of a key, in requests a second."""

MAX_OVERLAP_SECONDS = 7 * 24 * 3600
"""The longest overlap of a rotated key or secret with its successor, in seconds."""

DEFAULT_OVERLAP_SECONDS = 24 * 3600

_ChosenKey = Annotated[
    SecretStr, AfterValidator(checked(lambda key: check_chosen_key(key.get_secret_value())))
]
_Subject = Annotated[
    str, Field(min_length=1, max_length=1024), AfterValidator(checked(refuse_control_characters))
]

_Principal = Annotated[str, Field(max_length=2048), AfterValidator(checked(check_principal))]
_MEMBERS: dict[CredentialType, str] = {
    "api_key": "api_key",
    "mtls": "subject",
    "iam": "principal",
}


class Authentication(RequestModel):
    """The credential of a service.

    It is an API key, chosen or generated; a client certificate, named by its subject as API Gateway
    writes it; or a role or user of IAM, named by its ARN.

    Attributes:
        type: The kind of credential.
        api_key: A key of the client's choice, 16 to 256 visible ASCII characters; without one, the
            bus generates a key.
        subject: For `mtls`: the subject of the client certificate, as API Gateway writes it.
        principal: For `iam`: the ARN of a role or user.
    """

    type: CredentialType = "api_key"
    api_key: _ChosenKey | None = None
    subject: Annotated[_Subject | None, Field(validate_default=True)] = None
    principal: Annotated[_Principal | None, Field(validate_default=True)] = None

    @field_validator("api_key", "subject", "principal")
    @classmethod
    def _of_its_type(cls, value: object, info: ValidationInfo) -> object:
        if "type" not in info.data:
            return value  # The type itself was refused.
        kind = info.data["type"]
        fits = info.field_name == _MEMBERS[kind]
        if value is not None and not fits:
            raise PydanticCustomError(
                "credential", "must be left out if the type is {type}", {"type": kind}
            )
        if value is None and fits and kind != "api_key":
            raise PydanticCustomError(
                "credential", "is required if the type is {type}", {"type": kind}
            )
        return value

    @property
    def member(self) -> str:
        """The member that holds the credential."""
        return _MEMBERS[self.type]

    @property
    def stands_for(self) -> str | None:
        """The certificate, role or user that stands for the service."""
        return self.subject or (self.principal and principal_of(self.principal))


class KeyRequest(RequestModel):
    """The request for a further key of a service.

    Attributes:
        name: A name for people.
        scopes: What the key permits; by default what the key in the request permits, all for an
            admin.
        expires_at: When the key ends, RFC 3339; by default when the key in the request ends.
        rate_limit: Requests a second; only an admin may set it.
        authentication: The credential; by default a generated key.
    """

    name: Name | None = None
    scopes: Annotated[list[Scope], Field(min_length=1)] | None = None
    expires_at: Time | None = None
    rate_limit: Annotated[int, Field(ge=1, le=MAX_RATE)] | None = None
    authentication: Authentication = Field(default_factory=Authentication)


class RotationRequest(RequestModel):
    """The request to rotate a key or a signing secret."""

    overlap: Annotated[
        int,
        Field(
            ge=0,
            le=MAX_OVERLAP_SECONDS,
            description="How long the old one stays valid, in seconds.",
        ),
    ] = DEFAULT_OVERLAP_SECONDS
