"""What the tests of targets share."""

from tests.unit.event_bus.targets.aws_services import services

__all__ = ["services"]
