"""The API has the routes of the table, and asks for a key on all but the public ones."""

import fnmatch
import json

import pytest
from event_bus.api.operations.registry import OPERATIONS

from tests.unit.infra.synthesised import Resource, Synthesised, listed


def api_of(app: Synthesised, kind: str) -> Resource:
    """One of the APIs: `HTTP`, `WEBSOCKET` or `IAM`."""
    name = f"event-bus-{app.stage}" + ("" if kind == "HTTP" else f"-{kind.lower()}")
    (api,) = [
        each for each in app.resources("AWS::ApiGatewayV2::Api") if each.properties["Name"] == name
    ]
    return api


def parts_of(app: Synthesised, protocol: str, kind: str) -> list[Resource]:
    """The parts of an API."""
    api = api_of(app, protocol)
    return [
        each
        for each in app.resources(f"AWS::ApiGatewayV2::{kind}")
        if each.properties["ApiId"] == {"Ref": api.name}
    ]


def routes(app: Synthesised, protocol: str = "HTTP") -> dict[str, Resource]:
    """The routes of an API, by their key."""
    return {route.properties["RouteKey"]: route for route in parts_of(app, protocol, "Route")}


def function_behind(app: Synthesised, route: Resource) -> str:
    """The service name of the function that answers a route."""
    integration_id = route.properties["Target"]["Fn::Join"][1][1]["Ref"]
    (integration,) = [
        integration
        for integration in app.resources("AWS::ApiGatewayV2::Integration")
        if integration.name == integration_id
    ]
    uri = str(integration.properties["IntegrationUri"])
    (name,) = [
        name for name, found in app.functions().items() if f"'Fn::GetAtt': ['{found.name}'" in uri
    ]
    return name


REACHED = {f"{method} {route.path}": route for route in OPERATIONS for method in route.methods}


def test_a_head_reaches_what_only_reads() -> None:
    heads = {key.removeprefix("HEAD ") for key in REACHED if key.startswith("HEAD ")}
    assert {"/events", "/events/{id}", "/health/live"} < heads
    assert not any(path.endswith(("/stream", "/subscriptions/{id}/events")) for path in heads)


def test_few_routes_are_created_at_a_time(app: Synthesised) -> None:
    # https://docs.aws.amazon.com/apigateway/latest/developerguide/limits.html
    made = app.resources("AWS::ApiGatewayV2::Route")
    names = {route.name for route in made}
    waiting = {
        route.name: names.intersection(listed(route.body.get("DependsOn", []))) for route in made
    }
    assert len(waiting) > 100
    created: set[str] = set()
    while waiting:
        next_ones = {name for name, waits in waiting.items() if waits <= created}
        assert 0 < len(next_ones) <= 10
        created |= next_ones
        for name in next_ones:
            # Routes that waited for several would all wait for the slowest of them.
            assert len(waiting.pop(name)) <= 1


def test_every_route_of_the_table_exists_and_no_other(app: Synthesised) -> None:
    expected = {key: route.function for key, route in REACHED.items()} | {"$default": "status"}
    made = {key: function_behind(app, route) for key, route in routes(app).items()}
    assert made == expected


def test_only_public_routes_lack_the_authorizer(app: Synthesised) -> None:
    public = {key for key, route in REACHED.items() if route.public} | {"$default"}
    (authorizer,) = parts_of(app, "HTTP", "Authorizer")
    for key, route in routes(app).items():
        if key in public:
            assert route.properties["AuthorizationType"] == "NONE", key
        else:
            assert route.properties["AuthorizationType"] == "CUSTOM", key
            assert route.properties["AuthorizerId"] == {"Ref": authorizer.name}, key


def test_the_authorizer_sees_every_request(app: Synthesised) -> None:
    (authorizer,) = parts_of(app, "HTTP", "Authorizer")
    properties = authorizer.properties
    assert properties["AuthorizerType"] == "REQUEST"
    assert properties["AuthorizerPayloadFormatVersion"] == "2.0"
    assert properties["EnableSimpleResponses"] is True
    assert properties["AuthorizerResultTtlInSeconds"] == 0
    # With one, API Gateway would itself refuse a request that lacks it.
    assert not properties.get("IdentitySource")


@pytest.mark.parametrize(
    ("protocol", "name"), [("HTTP", "$default"), ("WEBSOCKET", None), ("IAM", "$default")]
)
def test_the_stage_is_throttled_and_logged_without_keys(
    app: Synthesised, protocol: str, name: str | None
) -> None:
    if app.local and protocol == "IAM":
        return
    (stage,) = parts_of(app, protocol, "Stage")
    properties = stage.properties
    assert properties["StageName"] == (name or app.stage)
    assert properties["AutoDeploy"] is True
    assert properties["DefaultRouteSettings"] == {
        "ThrottlingBurstLimit": 1000,
        "ThrottlingRateLimit": 2000,
    }
    if protocol == "WEBSOCKET" and app.local:
        assert "AccessLogSettings" not in properties
        return
    log = json.loads(properties["AccessLogSettings"]["Format"])
    assert {"request_id", "status", "integration_error"} <= log.keys()
    assert not [value for value in log.values() if "header" in value.lower()]


def test_access_logs_take_no_part_of_the_policy_that_log_groups_share(app: Synthesised) -> None:
    logged = [
        str(stage.properties["AccessLogSettings"]["DestinationArn"])
        for stage in app.resources("AWS::ApiGatewayV2::Stage")
        if "AccessLogSettings" in stage.properties
    ]
    assert len(logged) == (1 if app.local else 3)
    for arn in logged:
        (group,) = [each for each in app.resources("AWS::Logs::LogGroup") if each.name in arn]
        prefix, api = group.properties["LogGroupName"]["Fn::Join"][1]
        assert prefix == f"/aws/vendedlogs/event-bus-{app.stage}/"
        # The log group is named after the API: a retained one does not block a new deployment.
        assert api.keys() == {"Ref"}


def test_api_gateway_may_log_websockets_before_it_is_told_to(app: Synthesised) -> None:
    (stage,) = parts_of(app, "WEBSOCKET", "Stage")
    accounts = app.resources("AWS::ApiGateway::Account")
    if app.local:
        assert accounts == []
        return
    [account] = accounts
    assert account.name in stage.body["DependsOn"]
    [role] = [
        each
        for each in app.resources("AWS::IAM::Role")
        if {"Fn::GetAtt": [each.name, "Arn"]} == account.properties["CloudWatchRoleArn"]
    ]
    [trusted] = role.properties["AssumeRolePolicyDocument"]["Statement"]
    assert trusted["Principal"] == {"Service": "apigateway.amazonaws.com"}
    assert "AmazonAPIGatewayPushToCloudWatchLogs" in str(role.properties["ManagedPolicyArns"])
    # In an account that never had an API, API Gateway refuses the setting.
    apis = {each.name for each in app.resources("AWS::ApiGatewayV2::Api")}
    assert apis & {*account.body["DependsOn"]}
    # All APIs of the account share the role. A rollback leaves the setting, and so must leave it.
    assert account.body["DeletionPolicy"] == "RetainExceptOnCreate"
    assert role.body["DeletionPolicy"] == "Retain"


def invocation(api: str, key: str) -> str:
    """The end of the ARN under which API Gateway invokes the function behind a route."""
    method, _, path = key.partition(" ")
    return f"{api}/stage/{method}{path}"


@pytest.mark.parametrize("protocol", ["HTTP", "WEBSOCKET", "IAM"])
def test_api_gateway_may_invoke_the_function_behind_every_route(
    app: Synthesised, protocol: str
) -> None:
    if app.local and protocol == "IAM":
        return
    api = api_of(app, protocol).name
    functions = app.functions()
    for key, route in routes(app, protocol).items():
        function = functions[function_behind(app, route)]
        permitted = [
            "".join(
                part if isinstance(part, str) else part["Ref"]
                for part in permission.properties["SourceArn"]["Fn::Join"][1]
            ).split(":")[-1]
            for permission in app.resources("AWS::Lambda::Permission")
            if permission.properties["Principal"] == "apigateway.amazonaws.com"
            and permission.properties["FunctionName"] == {"Fn::GetAtt": [function.name, "Arn"]}
        ]
        wanted = invocation(api, key)
        assert any(fnmatch.fnmatchcase(wanted, each) for each in permitted), (key, permitted)


def test_whoever_connects_is_authorized(app: Synthesised) -> None:
    made = routes(app, "WEBSOCKET")
    assert made.keys() == {"$connect", "$disconnect", "$default"}
    (authorizer,) = parts_of(app, "WEBSOCKET", "Authorizer")
    connect = made["$connect"].properties
    assert connect["AuthorizationType"] == "CUSTOM"
    assert connect["AuthorizerId"] == {"Ref": authorizer.name}
    assert not authorizer.properties.get("IdentitySource")
    for route in made.values():
        assert function_behind(app, route) == "socket"


def test_callers_that_sign_reach_all_that_asks_for_a_key(app: Synthesised) -> None:
    if app.local:
        assert len(app.resources("AWS::ApiGatewayV2::Api")) == 2
        return
    made = routes(app, "IAM")
    assert set(made) == {key for key, route in REACHED.items() if not route.public}
    for key, route in made.items():
        assert route.properties["AuthorizationType"] == "AWS_IAM", key
        assert function_behind(app, route) == REACHED[key].function


def test_a_domain_with_mutual_tls_is_the_only_way(app: Synthesised) -> None:
    api = api_of(app, "HTTP").properties
    if app.local:
        assert not app.resources("AWS::ApiGatewayV2::DomainName")
        assert not api.get("DisableExecuteApiEndpoint")
        return
    (domain,) = app.resources("AWS::ApiGatewayV2::DomainName")
    assert domain.properties["DomainName"] == "bus.example.com"
    assert domain.properties["MutualTlsAuthentication"] == {
        "TruststoreUri": "s3://authorities/clients.pem",
        "TruststoreVersion": "7",
    }
    (endpoint,) = domain.properties["DomainNameConfigurations"]
    assert endpoint["SecurityPolicy"] == "TLS_1_2"
    (mapping,) = app.resources("AWS::ApiGatewayV2::ApiMapping")
    assert mapping.properties["Stage"] == "$default"
    # The mapping names its stage: nothing but this has CloudFormation make the stage first.
    (stage,) = parts_of(app, "HTTP", "Stage")
    assert mapping.body["DependsOn"] == [stage.name]
    assert api["DisableExecuteApiEndpoint"] is True


def test_pages_of_named_origins_alone_may_call_the_api(app: Synthesised) -> None:
    if app.local:
        assert "CorsConfiguration" not in api_of(app, "HTTP").properties
        return
    cors = api_of(app, "HTTP").properties["CorsConfiguration"]
    assert cors["AllowOrigins"] == ["https://app.example.com", "http://localhost:3000"]
    assert set(cors["AllowMethods"]) == {"DELETE", "GET", "HEAD", "PATCH", "POST", "PUT"}
    assert "x-api-key" in cors["AllowHeaders"]
    assert not cors.get("AllowCredentials")
