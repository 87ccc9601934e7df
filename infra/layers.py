"""The layers under the functions of a stack."""

from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from infra.bundling import dependencies_layer, service_layer
from infra.removal import removal_policy
from infra.settings import DeploymentSettings


class Layers(Construct):
    """The two layers under every function.

    Every stack has its own: a layer has a new ARN whenever its files change, and CloudFormation
    refuses to change a value that another stack imports.

    Attributes:
        settings: The settings of the deployment.
        versions: The layers, in their order.
    """

    def __init__(
        self, scope: Construct, construct_id: str, *, settings: DeploymentSettings
    ) -> None:
        super().__init__(scope, construct_id)
        self.settings = settings
        folders = {
            "Service": service_layer(settings.target),
            "Dependencies": dependencies_layer(settings.target),
        }
        self.versions: list[lambda_.ILayerVersion] = [
            lambda_.LayerVersion(
                self,
                name,
                code=lambda_.Code.from_asset(str(folder)),
                compatible_runtimes=[lambda_.Runtime.PYTHON_3_13],
                compatible_architectures=[lambda_.Architecture.ARM_64],
                removal_policy=removal_policy(settings),
            )
            for name, folder in folders.items()
        ]
