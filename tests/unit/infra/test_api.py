"""The API has the routes of the table, and asks for a key on all but the public ones."""

import json

from event_bus.api.routes import ROUTES

from tests.unit.infra.synthesised import Resource, Synthesised


def routes(app: Synthesised) -> dict[str, Resource]:
    """The routes, by their key."""
    return {
        route.properties["RouteKey"]: route for route in app.resources("AWS::ApiGatewayV2::Route")
    }


def function_behind(app: Synthesised, route: Resource) -> str:
    """The service name of the function that answers a route."""
    integration_id = route.properties["Target"]["Fn::Join"][1][1]["Ref"]
    (integration,) = [
        integration
        for integration in app.resources("AWS::ApiGatewayV2::Integration")
        if integration.name == integration_id
    ]
    function_id = integration.properties["IntegrationUri"]["Fn::GetAtt"][0]
    (name,) = [name for name, found in app.functions().items() if found.name == function_id]
    return name


def test_every_route_of_the_table_exists_and_no_other(app: Synthesised) -> None:
    expected = {route.key: route.function for route in ROUTES} | {"$default": "status"}
    made = {key: function_behind(app, route) for key, route in routes(app).items()}
    assert made == expected


def test_only_public_routes_lack_the_authorizer(app: Synthesised) -> None:
    public = {route.key for route in ROUTES if route.public} | {"$default"}
    (authorizer,) = app.resources("AWS::ApiGatewayV2::Authorizer")
    for key, route in routes(app).items():
        if key in public:
            assert route.properties["AuthorizationType"] == "NONE", key
        else:
            assert route.properties["AuthorizationType"] == "CUSTOM", key
            assert route.properties["AuthorizerId"] == {"Ref": authorizer.name}, key


def test_the_authorizer_sees_every_request(app: Synthesised) -> None:
    (authorizer,) = app.resources("AWS::ApiGatewayV2::Authorizer")
    properties = authorizer.properties
    assert properties["AuthorizerType"] == "REQUEST"
    assert properties["AuthorizerPayloadFormatVersion"] == "2.0"
    assert properties["EnableSimpleResponses"] is True
    assert properties["AuthorizerResultTtlInSeconds"] == 0
    # With one, API Gateway would itself refuse a request that lacks it.
    assert not properties.get("IdentitySource")


def test_the_stage_is_throttled_and_logged_without_keys(app: Synthesised) -> None:
    (stage,) = app.resources("AWS::ApiGatewayV2::Stage")
    properties = stage.properties
    assert properties["StageName"] == "$default"
    assert properties["AutoDeploy"] is True
    assert properties["DefaultRouteSettings"] == {
        "ThrottlingBurstLimit": 1000,
        "ThrottlingRateLimit": 2000,
    }
    log = json.loads(properties["AccessLogSettings"]["Format"])
    assert {"request_id", "route", "status", "latency_ms", "integration_error"} <= log.keys()
    assert not [value for value in log.values() if "header" in value.lower()]
