"""The contract of the store of circuits, on every DynamoDB."""

from dataclasses import replace

from event_bus.model.circuit import Circuit
from event_bus.model.delivery import DeliveryError
from event_bus.stores.announced_circuits import AnnouncedCircuits

from tests.aws import RETENTION_DAYS, Aws
from tests.builders import NOON, event


class CircuitsContract:
    """The contract of circuits."""

    def test_a_subscription_that_never_failed_has_none(self, aws: Aws) -> None:
        assert aws.circuits.get_many(["sub_1"]) == {}
        assert aws.circuits.get_many([]) == {}

    def test_a_version_replaces_the_one_before_and_no_other(self, aws: Aws) -> None:
        first = Circuit(failures=1, failing_since=1_000.5, version=1)
        assert aws.circuits.put("sub_1", first)
        assert not aws.circuits.put("sub_1", replace(first, failures=7))
        second = replace(first, state="open", version=2)
        assert aws.circuits.put("sub_1", second)
        assert not aws.circuits.put("sub_1", replace(second, version=4))
        assert aws.circuits.get_many(["sub_1", "sub_2"]) == {"sub_1": second}

    def test_a_circuit_is_forgotten(self, aws: Aws) -> None:
        aws.circuits.put("sub_1", Circuit(version=1))
        aws.circuits.forget("sub_1")
        aws.circuits.forget("sub_1")
        assert aws.circuits.get_many(["sub_1"]) == {}

    def test_a_circuit_is_forgotten_as_it_was_read(self, aws: Aws) -> None:
        first = Circuit(id="cir_1", version=1)
        assert aws.circuits.put("sub_1", first)
        for other in (replace(first, id="cir_2"), replace(first, id=""), replace(first, version=2)):
            assert not aws.circuits.forget("sub_1", other)
        assert aws.circuits.get_many(["sub_1"]) == {"sub_1": first}
        assert aws.circuits.forget("sub_1", first)
        assert aws.circuits.forget("sub_1", first)
        assert aws.circuits.get_many(["sub_1"]) == {}

    def test_a_version_replaces_none_of_another_circuit(self, aws: Aws) -> None:
        assert aws.circuits.put("sub_1", Circuit(id="cir_1", version=1))
        for other in ("cir_2", ""):
            assert not aws.circuits.put("sub_1", Circuit(id=other, version=2))
        assert aws.circuits.put("sub_1", Circuit(id="cir_1", version=2))

    def test_a_circuit_comes_back_with_its_last_error(self, aws: Aws) -> None:
        error = DeliveryError("http_status", "500", NOON)
        circuit = Circuit(failures=1, last_error=error, version=1)
        aws.circuits.put("sub_1", circuit)
        assert aws.circuits.get_many(["sub_1"]) == {"sub_1": circuit}

    def test_a_circuit_changes_together_with_the_event_about_it(self, aws: Aws) -> None:
        announced = AnnouncedCircuits(aws.circuits, aws.events, RETENTION_DAYS)
        first = Circuit(failures=1, version=1)
        assert announced.put("sub_1", first, event("evt_1"))
        assert not announced.put("sub_1", first, event("evt_2"))
        assert aws.events.existing(["evt_1", "evt_2"]) == {"evt_1"}
        changed = replace(first, version=2)
        assert not announced.forget("sub_1", changed, event("evt_3"))
        assert aws.events.existing(["evt_3"]) == set()
        assert announced.forget("sub_1", first, event("evt_3"))
        assert aws.circuits.get_many(["sub_1"]) == {}
        assert aws.events.existing(["evt_3"]) == {"evt_3"}
        # An event that is stored already leaves only the circuit to remove.
        aws.circuits.put("sub_1", first)
        assert not announced.forget("sub_1", changed, event("evt_3"))
        assert announced.forget("sub_1", first, event("evt_3"))
        assert aws.circuits.get_many(["sub_1"]) == {}
