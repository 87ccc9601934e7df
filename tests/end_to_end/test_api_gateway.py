"""API Gateway before the functions: IAM signatures, origins of pages, headers of answers."""

import gzip
from collections.abc import Callable
from typing import Any

import httpx
import orjson
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from tests.end_to_end.problems import problem
from tests.end_to_end.receiver import eventually
from tests.end_to_end.world import Client, World

Send = Callable[..., httpx.Response]

TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Principal": {"AWS": "000000000000"}, "Action": "sts:AssumeRole"}
    ],
}


def service_type(service: Client) -> str:
    """The type that a service may publish."""
    [event_type] = service.http.get(f"/publishers/{service.service_id}").json()["event_types"]
    return str(event_type)


def assumed(world: World, name: str) -> tuple[str, Credentials]:
    """A role, and a session of it."""
    iam = world.bus.client("iam")
    made = iam.create_role(
        RoleName=name, Path="/teams/", AssumeRolePolicyDocument=orjson.dumps(TRUST).decode()
    )["Role"]
    api = f"arn:aws:execute-api:{world.bus.region}:000000000000:{world.bus.resources['iam_api_id']}"
    calls = {"Effect": "Allow", "Action": "execute-api:Invoke", "Resource": f"{api}/*"}
    policy = {"Version": "2012-10-17", "Statement": [calls]}
    iam.put_role_policy(
        RoleName=name, PolicyName="call", PolicyDocument=orjson.dumps(policy).decode()
    )
    given = world.bus.client("sts").assume_role(RoleArn=made["Arn"], RoleSessionName="a-session")
    keys = given["Credentials"]
    return made["Arn"], Credentials(
        keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"]
    )


def signing(world: World, credentials: Credentials) -> Send:
    """Sends requests to the API for callers of IAM, signed (SigV4)."""
    root = f"{world.bus.endpoint_url}/_aws/execute-api/{world.bus.resources['iam_api_id']}"

    def send(method: str, path: str, body: Any = None) -> httpx.Response:
        content = b"" if body is None else orjson.dumps(body)
        headers = {"content-type": "application/json"}
        request = AWSRequest(method, root + path, headers, content)
        SigV4Auth(credentials, "execute-api", world.bus.region).add_auth(request)
        return httpx.request(
            method, root + path, headers=dict(request.headers), content=content, timeout=30
        )

    return send


def test_a_role_of_iam_stands_for_a_service(world: World) -> None:
    domain = world.name("task")
    service = world.publisher(f"{domain}.*")
    arn, session = assumed(world, world.name("role"))
    send = signing(world, session)
    assert "IAM" in problem(send("GET", "/events"), 401)["detail"]
    path = f"/publishers/{service.service_id}/keys"
    asked = {
        "scopes": ["publish", "read"],
        "authentication": {"type": "iam", "principal": arn},
    }
    # Only admins assign roles to services.
    assert problem(service.http.post(path, json=asked), 403)
    made = world.admin.http.post(path, json=asked)
    assert made.status_code == 201, made.text
    assert made.json()["stands_for"] == arn.replace("role/teams/", "role/")
    assert "authentication" not in made.json()
    accepted = send("POST", "/events", {"type": f"{domain}.created", "payload": {}})
    assert accepted.status_code == 202, accepted.text
    assert accepted.json()["source"] == service.service_id
    assert problem(send("GET", "/subscriptions/x"), 404)
    assert problem(send("POST", "/subscriptions", {}), 403)
    taken = world.service()
    other = world.admin.http.post(f"/publishers/{taken.service_id}/keys", json=asked)
    assert problem(other, 409)["errors"][0]["pointer"] == "/authentication/principal"
    assert world.admin.http.delete(f"{path}/{made.json()['id']}").status_code == 204
    eventually(lambda: send("GET", "/events").status_code == 401, 60)


def test_a_role_of_iam_has_a_limit_as_keys_have(world: World) -> None:
    service = world.service()
    arn, session = assumed(world, world.name("role"))
    asked = {"rate_limit": 1, "authentication": {"type": "iam", "principal": arn}}
    path = f"/publishers/{service.service_id}/keys"
    assert world.admin.http.post(path, json=asked).status_code == 201
    send = signing(world, session)
    # Ten requests in ten seconds, and perhaps the next ten seconds.
    answers = [send("GET", "/events") for _ in range(22)]
    refused = next(each for each in answers if each.status_code == 429)
    assert problem(refused, 429)
    assert int(refused.headers["retry-after"]) >= 1
    assert refused.headers["ratelimit"]
    assert [each.status_code for each in answers[:10]] == [200] * 10


def test_an_unsigned_request_is_refused(world: World) -> None:
    root = f"{world.bus.endpoint_url}/_aws/execute-api/{world.bus.resources['iam_api_id']}"
    answer = httpx.get(f"{root}/events", headers={"x-api-key": world.admin.key}, timeout=30)
    assert answer.status_code == 403


@pytest.mark.parametrize("header", ["x-amzn-iam-user-arn", "x-client-cert-subject-dn"])
def test_an_identity_in_a_header_is_ignored(world: World, header: str) -> None:
    answer = world.anonymous().get("/events", headers={header: "CN=admin"})
    assert problem(answer, 401)


def test_web_pages_learn_what_they_may_send(world: World) -> None:
    origin = "https://app.example.com"
    asked = {"origin": origin, "access-control-request-method": "POST"}
    answer = world.anonymous().options("/events", headers=asked)
    assert answer.status_code == 204
    assert "POST" in answer.headers["access-control-allow-methods"]
    assert "x-api-key" in answer.headers["access-control-allow-headers"]
    assert "access-control-allow-credentials" not in answer.headers
    seen = world.admin.http.get("/events", headers={"origin": origin})
    assert seen.headers["access-control-allow-origin"]


@pytest.mark.parametrize("path", ["/events", "/events/none", "/health/live", "/nowhere"])
def test_every_answer_has_security_headers(world: World, path: str) -> None:
    for client in (world.admin.http, world.anonymous()):
        headers = client.get(path).headers
        assert headers["cache-control"] == "no-store"
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["strict-transport-security"].startswith("max-age=")


def test_a_head_is_answered_wherever_a_get_only_reads(world: World) -> None:
    service = world.service()
    event_id = service.publish(service_type(service))
    for path in ("/health/live", "/openapi.json", f"/events/{event_id}", "/events", "/replays"):
        head, get = service.http.head(path), service.http.get(path)
        assert (head.status_code, head.content) == (get.status_code, b""), path
        assert head.headers["content-type"] == get.headers["content-type"]
    assert service.http.head("/events/none").status_code == 404
    assert world.anonymous().head("/events").status_code == 401
    # Otherwise it would lease events that it does not return.
    problem_status = service.http.head("/subscriptions/sub_x/events").status_code
    assert problem_status == 404


def test_a_compressed_body_is_read(world: World) -> None:
    service = world.service()
    body = orjson.dumps({"type": service_type(service), "payload": {"text": "x" * 100_000}})
    headers = {"content-type": "application/vnd.event-bus+json", "content-encoding": "gzip"}
    answer = service.http.post("/events", content=gzip.compress(body), headers=headers)
    assert answer.status_code == 202, answer.text
    assert service.event(answer.json()["id"])["payload"] == {"text": "x" * 100_000}
    bomb = gzip.compress(b" " * 50_000_000)
    problem(service.http.post("/events", content=bomb, headers=headers), 413)
    text = {**headers, "content-type": "application/json"}
    problem(service.http.post("/events", content=gzip.compress(body), headers=text), 415)
    brotli = {**headers, "content-encoding": "br"}
    problem(service.http.post("/events", content=body, headers=brotli), 415)


def test_an_answer_lists_some_faults_and_counts_the_others(world: World) -> None:
    service = world.service()
    body = {f"unknown{number}": 1 for number in range(5_000)}
    document = problem(service.http.post("/subscriptions", json=body), 422)
    assert len(document["errors"]) == 50
    assert document["detail"].endswith("more)")
