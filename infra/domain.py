"""The API's own domain, with mutual TLS if there is a truststore."""

from urllib.parse import urlsplit

from aws_cdk import aws_apigatewayv2 as apigateway
from aws_cdk import aws_certificatemanager as acm
from aws_cdk import aws_s3 as s3
from constructs import Construct

from infra.outputs import output
from infra.settings import DeploymentSettings


class ApiDomain(Construct):
    """A domain for the API; its DNS record must point to it."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        api: apigateway.HttpApi,
        stage: apigateway.CfnStage,
        settings: DeploymentSettings,
    ) -> None:
        """Makes the domain.

        Args:
            scope: The parent construct.
            construct_id: Its id in the parent construct.
            api: The API.
            stage: The API's stage.
            settings: The settings of the deployment.
        """
        super().__init__(scope, construct_id)
        domain = apigateway.DomainName(
            self,
            "Domain",
            domain_name=settings.domain_name,
            certificate=acm.Certificate.from_certificate_arn(
                self, "Certificate", settings.certificate_arn
            ),
            security_policy=apigateway.SecurityPolicy.TLS_1_2,
            mtls=self._truststore(settings),
        )
        mapping = apigateway.CfnApiMapping(
            self, "Mapping", api_id=api.api_id, domain_name=domain.name, stage=stage.stage_name
        )
        # By name alone, CloudFormation would not know that the stage must be there first.
        mapping.add_resource_dependency(stage)
        output(self, "DomainTarget", domain.regional_domain_name)
        output(self, "DomainZone", domain.regional_hosted_zone_id)

    def _truststore(self, settings: DeploymentSettings) -> apigateway.MTLSConfig | None:
        if not settings.truststore:
            return None
        place = urlsplit(settings.truststore)
        return apigateway.MTLSConfig(
            bucket=s3.Bucket.from_bucket_name(self, "Truststore", place.netloc),
            key=place.path.removeprefix("/"),
            version=settings.truststore_version or None,
        )
