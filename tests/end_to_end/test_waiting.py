"""Requests that wait for events occupy functions: a service has so many of them and no more."""

from concurrent.futures import ThreadPoolExecutor

import httpx

from tests.end_to_end.world import World

PULLS = 16
WAIT_SECONDS = 20


def test_one_request_too_many_may_not_wait(world: World) -> None:
    service, other = world.service(), world.service()
    paths = []
    for each in (service, other):
        made = each.http.post(
            "/subscriptions",
            json={"event_types": [f"{world.name('task')}.*"], "target": {"type": "pull"}},
        )
        assert made.status_code == 201, made.text
        paths.append(f"/subscriptions/{made.json()['id']}/events")

    def pull(_: int) -> httpx.Response:
        return service.http.get(paths[0], params={"wait": WAIT_SECONDS}, timeout=60)

    with ThreadPoolExecutor(PULLS) as clients:
        answers = list(clients.map(pull, range(PULLS)))
    statuses = [each.status_code for each in answers]
    # Eight may wait at a time on this stage; where requests come late, two windows share them.
    assert set(statuses) == {200, 429}
    refused = next(each for each in answers if each.status_code == 429)
    assert 1 <= int(refused.headers["retry-after"]) <= 30
    assert refused.json()["type"].endswith("too-many-requests")
    assert "wait for events" in refused.json()["detail"]
    # Who does not wait is answered, and so is another service.
    assert service.http.get(paths[0]).status_code == 200
    assert other.http.get(paths[1], params={"wait": 1}).status_code == 200
