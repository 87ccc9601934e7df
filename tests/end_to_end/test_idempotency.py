"""Repeated requests with an idempotency key, on the deployed bus."""

from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

from tests.end_to_end.problems import problem
from tests.end_to_end.world import World

URL = "http://127.0.0.1:9/hook"


def new_key() -> dict[str, str]:
    return {"idempotency-key": f'"{uuid4()}"'}


def test_a_repeated_registration_returns_the_same_subscription(world: World, domain: str) -> None:
    service, key = world.service(), new_key()
    body = {"event_types": [f"{domain}.*"], "callback_url": URL}
    first = service.http.post("/subscriptions", json=body, headers=key)
    assert first.status_code == 201, first.text
    again = service.http.post("/subscriptions", json=body, headers=key)
    assert again.status_code == 201, again.text
    assert again.json() == first.json()
    assert again.headers["idempotent-replayed"] == "true"
    document = problem(
        service.http.post("/subscriptions", json={**body, "name": "x"}, headers=key), 422
    )
    assert document["errors"][0]["pointer"] == "idempotency-key"
    [kept] = service.http.get("/subscriptions").json()["items"]
    assert kept["id"] == first.json()["id"]
    # Another service's key with the same name is a different key.
    other = world.service().http.post("/subscriptions", json=body, headers=key)
    assert other.status_code == 201
    assert other.json()["id"] != first.json()["id"]


def test_ten_at_once_make_one(world: World, domain: str) -> None:
    service, key = world.service(), new_key()
    body = {"event_types": [f"{domain}.*"], "callback_url": URL}
    with ThreadPoolExecutor(10) as executor:
        answers = list(
            executor.map(
                lambda _: service.http.post("/subscriptions", json=body, headers=key), range(10)
            )
        )
    assert {each.status_code for each in answers} <= {201, 409}
    made = {each.json()["id"] for each in answers if each.status_code == 201}
    assert len(made) == 1
    assert [each["id"] for each in service.http.get("/subscriptions").json()["items"]] == [*made]


def test_a_key_a_rotation_and_a_replay_are_made_once(world: World) -> None:
    service, key = world.service(), new_key()
    path = f"/publishers/{service.service_id}/keys"
    made = [service.http.post(path, json={"name": "x"}, headers=key) for _ in range(2)]
    assert [each.status_code for each in made] == [201, 201]
    assert made[0].json() == made[1].json()
    path = f"{path}/{made[0].json()['id']}/rotate"
    key = new_key()
    rotated = [service.http.post(path, json={"overlap": 60}, headers=key) for _ in range(2)]
    assert [each.status_code for each in rotated] == [201, 201]
    assert rotated[0].json() == rotated[1].json()
    key, asked = new_key(), {"from": "2026-01-01T00:00:00Z"}
    begun = [service.http.post("/replays", json=asked, headers=key) for _ in range(2)]
    assert [each.status_code for each in begun] == [202, 202]
    assert begun[0].json() == begun[1].json()


def test_a_subscription_is_put_under_a_chosen_identifier(world: World, domain: str) -> None:
    service, receiver = world.publisher(f"{domain}.*"), world.receiver()
    path = f"/subscriptions/{service.service_id}.orders"
    body = {"event_types": [f"{domain}.made"], "callback_url": receiver.url}
    made = service.http.put(path, json=body)
    assert made.status_code == 201, made.text
    event_id = service.publish(f"{domain}.made")
    service.settled(event_id, made.json()["id"], "delivered")
    changed = service.http.put(path, json={**body, "event_types": [f"{domain}.other"]})
    assert changed.status_code == 200, changed.text
    assert changed.json()["event_types"] == [f"{domain}.other"]
    problem(service.http.put(path, json=body, headers={"if-none-match": "*"}), 412)
    problem(world.service().http.put(path, json=body), 404)
    assert service.http.delete(path).status_code == 204
    problem(service.http.put(path, json=body), 409)
