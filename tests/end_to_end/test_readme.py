"""The quickstart of the README does what it says, on a deployed bus."""

import json
import re
import subprocess
from pathlib import Path
from uuid import uuid4

import httpx

from localstack.bus import LocalBus
from tests.ports import free_port

ROOT = Path(__file__).parent.parent.parent

_UNTIL_DELIVERED = """for n in $(seq 120); do
  sleep 1
  curl -s $API/events/shop:order-1 -H "x-api-key: the-key-of-the-shop" |
    grep -q '"status":"delivered"' && break
done"""


def test_the_quickstart_runs_as_it_is_written(bus: LocalBus, tmp_path: Path) -> None:
    blocks = re.findall(r"```bash\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    bus.write(tmp_path / "bus.json")
    script = "\n".join(f"{block}\necho; echo ---" for block in blocks)
    # Two things differ: the file that describes the bus of this test, and a free port.
    script = script.replace(".local/bus.json", str(tmp_path / "bus.json"))
    script = script.replace("8099", str(free_port()))
    # A busy machine may need longer than a reader waits.
    script = script.replace("sleep 5", _UNTIL_DELIVERED)
    # Other tests publish events of a shop, too: an id that is known is not delivered again.
    script = script.replace("shop:order-", f"shop:{uuid4().hex}-")
    try:
        done = subprocess.run(
            ["bash", "-m", "-c", script],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=240,
            check=True,
        )
    finally:
        _remove_the_shop(bus)
    health, publisher, subscription, published, read = done.stdout.split("---")[:5]
    assert json.loads(health)["status"] == "pass"
    assert json.loads(publisher)["id"] == "shop"
    assert '"signing_secret":"whsec_' in subscription
    assert '{"accepted":2,"refused":0' in published
    assert re.findall(r"received (\S+) (.*)", done.stdout) == [("order.placed", '{"total": 250}')]
    assert '"status":"delivered"' in read


def _remove_the_shop(bus: LocalBus) -> None:
    with httpx.Client(base_url=bus.api_url, headers={"x-api-key": bus.admin_api_key}) as admin:
        for each in admin.get("/subscriptions", params={"service_id": "shop"}).json()["items"]:
            admin.delete(f"/subscriptions/{each['id']}")
        admin.delete("/publishers/shop")
