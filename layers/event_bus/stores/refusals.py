"""The reasons for which a store refuses a change. Nothing is changed then."""


class Refused(Exception):
    """A condition of the change did not hold."""


class Outdated(Refused):
    """A record has changed since it was read, or is gone: read it and try again."""


class WrongVersion(Refused):
    """A stream does not have the expected version.

    Attributes:
        version: The version of its last event; 0 if there is none.
    """

    def __init__(self, version: int) -> None:
        super().__init__(version)
        self.version = version


class StreamDeleted(Refused):
    """The stream was deleted, and accepts no more events."""


class Contended(Outdated):
    """Another transaction on the same items was in the way, or a write was throttled."""


class IdTaken(Refused):
    """There is a record with this identifier already."""


class IdRetired(Refused):
    """A removed subscription had the identifier."""


class HandlerTaken(Refused):
    """Another subscription handles a type of commands; its argument is the type."""


class QuotaReached(Refused):
    """The service has as many subscriptions, listeners or entries of contexts as it may have."""


class KeyTaken(Refused):
    """The key belongs to another service."""


class KeyGone(Refused):
    """The key was removed."""
