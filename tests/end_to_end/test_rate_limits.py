"""The rate limit of a key: one request too many is a 429 with `Retry-After`."""

import time

from tests.end_to_end.problems import problem
from tests.end_to_end.world import World


def test_a_key_has_a_limit_of_its_own(world: World) -> None:
    service = world.service()
    path = f"/publishers/{service.service_id}/keys"
    said = problem(service.http.post(path, json={"rate_limit": 1}), 403)
    assert said["errors"][0]["pointer"] == "/rate_limit"
    made = world.admin.http.post(path, json={"rate_limit": 1}).json()
    assert made["rate_limit"] == 1
    slow = world.with_key(made["authentication"]["api_key"]).http
    first = slow.get("/events")
    assert first.headers["ratelimit-policy"] == '"key";q=10;w=10'
    assert first.headers["ratelimit"].startswith('"key";r=')
    answers = [slow.get("/events") for _ in range(30)]
    refused = [each for each in answers if each.status_code == 429]
    assert refused
    said = problem(refused[-1], 429)
    assert said["detail"] == "The key may make 10 requests in 10 seconds."
    # The others of the service are counted by themselves.
    other = service.http.get("/events")
    assert other.status_code == 200
    assert other.headers["ratelimit-policy"] == '"key";q=2000;w=10'
    wait = int(refused[-1].headers["retry-after"])
    assert 1 <= wait <= 10
    time.sleep(wait)
    assert slow.get("/events").status_code == 200
    assert "ratelimit" not in world.anonymous().get("/health/live").headers
