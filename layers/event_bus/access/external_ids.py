"""External ids: what the bus names when it assumes a role of another account for a service.

The role's trust policy must demand the id, so that no other service can have the bus use that role
(https://docs.aws.amazon.com/IAM/latest/UserGuide/confused-deputy.html).
"""

from event_bus.settings import settings


def new_external_id(service_id: str) -> str:
    """The external id of a role that a service names now.

    It holds the account, the region and the stage, none of which has a slash: so no other
    deployment, and no other service, makes the same one.
    """
    own = settings()
    return f"event-bus/{own.account}/{own.region}/{own.stage}/{service_id}"


def external_id_of(kept: str | None, service_id: str) -> str:
    """The external id that a role is assumed with.

    Args:
        kept: The id that was stored with the target. Targets of earlier versions have none; their
            owners were given an id of the stage and the service alone, which stays valid.
        service_id: The service that named the role.
    """
    return kept or f"{settings().own_prefix}{service_id}"
