"""Credentials: how a service will prove who it is, as clients send it."""

from typing import Annotated

from pydantic import AfterValidator, Field, SecretStr, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from event_bus.model.validation import Name, Request, Time, checked, refuse_control_characters
from event_bus.security.keys import CredentialType, check_chosen_key
from event_bus.security.scopes import Scope

MAX_OVERLAP_SECONDS = 7 * 24 * 3600
"""How long a key, or a secret, may go on that another one replaces."""

DEFAULT_OVERLAP_SECONDS = 24 * 3600

_ChosenKey = Annotated[
    SecretStr, AfterValidator(checked(lambda key: check_chosen_key(key.get_secret_value())))
]
_Subject = Annotated[
    str, Field(min_length=1, max_length=1024), AfterValidator(checked(refuse_control_characters))
]


class Authentication(Request):
    """How a service will prove who it is.

    By an API key, chosen or generated, or by a client certificate, named by its subject as API
    Gateway writes it.
    """

    type: CredentialType = "api_key"
    api_key: _ChosenKey | None = None
    subject: Annotated[_Subject | None, Field(validate_default=True)] = None

    @field_validator("api_key", "subject")
    @classmethod
    def _of_its_type(cls, value: object, info: ValidationInfo) -> object:
        if "type" not in info.data:
            return value  # the type itself was refused
        kind = info.data["type"]
        fits = info.field_name == ("subject" if kind == "mtls" else "api_key")
        if value is not None and not fits:
            raise PydanticCustomError(
                "credential", "must be left out where the type is {type}", {"type": kind}
            )
        if value is None and fits and kind == "mtls":
            raise PydanticCustomError(
                "credential", "is required where the type is {type}", {"type": kind}
            )
        return value


class KeyRequest(Request):
    """What makes a further key of a service."""

    name: Name | None = None
    scopes: Annotated[list[Scope], Field(min_length=1)] | None = None
    expires_at: Time | None = None
    authentication: Authentication = Field(default_factory=Authentication)


class RotationRequest(Request):
    """What replaces a key, or a signing secret, by another one."""

    overlap: Annotated[
        int,
        Field(ge=0, le=MAX_OVERLAP_SECONDS, description="How many seconds the old one goes on."),
    ] = DEFAULT_OVERLAP_SECONDS
