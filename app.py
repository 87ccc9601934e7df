"""The CDK app: which stacks there are, and in which order."""

import aws_cdk as cdk

from infra.api import ApiStack
from infra.audit import AuditStack
from infra.bundling import LAMBDA_PYTHON, brings_bytecode
from infra.bus import BusStack
from infra.data import DataStack
from infra.operations import OperationsStack
from infra.settings import DeploymentSettings


def build(app: cdk.App) -> None:
    """Puts the stacks of one stage into an app.

    Args:
        app: The app whose context says what to build.
    """
    settings = DeploymentSettings.of(app.node.get_all_context())
    data = DataStack(app, "Data", settings=settings)
    audit = AuditStack(app, "Audit", settings=settings, data=data)
    bus = BusStack(app, "Bus", settings=settings, data=data, audit=audit)
    api = ApiStack(app, "Api", settings=settings, data=data, audit=audit, bus=bus)
    OperationsStack(app, "Operations", settings=settings, data=data, audit=audit, bus=bus, api=api)
    if settings.local:
        return
    if not settings.protect:
        cdk.Annotations.of(data).add_info(
            "Stacks and tables can be deleted. Once the first deployment has finished, deploy "
            "again with: -c protect=true"
        )
    if not brings_bytecode(settings.target):
        cdk.Annotations.of(data).add_info(
            f"Functions start in more than twice the time: deploy with Python {LAMBDA_PYTHON}, "
            "which brings their bytecode"
        )


if __name__ == "__main__":
    app = cdk.App()
    build(app)
    app.synth()
