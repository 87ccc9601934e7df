"""The external ids with which the bus assumes roles of other accounts for services.

The role's trust policy must require the id, so that no other service can make the bus use that role
(https://docs.aws.amazon.com/IAM/latest/UserGuide/confused-deputy.html).
"""

from event_bus.settings import settings


def new_external_id(service_id: str) -> str:
    """Returns the external id for a role that a service names in a new request.

    It contains the account, the region and the stage, none of which has a slash, so no other
    deployment or service has the same id.
    """
    own = settings()
    return f"event-bus/{own.account}/{own.region}/{own.stage}/{service_id}"


def external_id_of(kept: str | None, service_id: str) -> str:
    """Returns the external id with which a role is assumed.

    Args:
        kept: The id that is stored with the target. None for a target of an earlier release, whose
            owner was given an id made from the stage and the service.
        service_id: The service that named the role.
    """
    return kept or f"{settings().own_prefix}{service_id}"
