"""The handler of every lane's function. Only the target differs."""

from collections.abc import Callable
from typing import Any, Protocol, cast

from event_bus.access.receive_rights import HandoverRights
from event_bus.batches import batch_answer
from event_bus.delivery.attempts import AttemptRunner
from event_bus.delivery.circuits import Circuits
from event_bus.delivery.disabling import Disabler
from event_bus.delivery.enriching import Enrich
from event_bus.delivery.hand_over import HandOver
from event_bus.delivery.history import StreamHistory
from event_bus.delivery.lane import LaneRunner
from event_bus.delivery.live_stream import LiveStreams
from event_bus.delivery.ordered import OrderedRunner
from event_bus.delivery.pacing import Turns
from event_bus.delivery.queue_message import queue_messages
from event_bus.delivery.replayed_stream import ReplayedStreams
from event_bus.delivery.subscription_cache import SubscriptionCache
from event_bus.queues.message import LaneKind, protocol_and_kind
from event_bus.runtime import registry_stores, stores
from event_bus.runtime.enrichment_calls import enrichment_calls
from event_bus.runtime.payloads import deployed_readers, rights_reader, upcaster
from event_bus.runtime.queues import lanes
from event_bus.runtime.threads import threads
from event_bus.runtime.transports import LaneFunction
from event_bus.settings import settings
from event_bus.stores.announced_changes import AnnouncedChanges
from event_bus.stores.announced_circuits import AnnouncedCircuits
from event_bus.stores.deliveries import DeliveryStore
from event_bus.targets.answer_times import AnswerTimes
from event_bus.targets.opening import OpeningTransport
from event_bus.targets.registry import TARGETS
from event_bus.targets.shaping import ShapingTransport
from event_bus.targets.transport import Transport

_BATCH = 10

Handler = Callable[[dict[str, Any], object], dict[str, Any]]


class PacedTransport(Transport, Protocol):
    """The transport of a target with lanes for slow, new and limited subscriptions, too."""

    @property
    def answers(self) -> AnswerTimes:
        """Measures how long subscribers take to answer."""
        ...


def lane_handler(lane: str) -> Handler:
    """Makes the handler of a lane.

    Args:
        lane: The lane.

    Returns:
        What Lambda calls with a batch of the lane's queue; it tells which of its messages the queue
        must keep.
    """
    protocol, kind = protocol_and_kind(lane)
    target = TARGETS.of_lane(protocol)
    own = target.transport(LaneFunction())
    opens = target.grants.payloads != "passes"
    transport: Transport = ShapingTransport(own, opened=opens)
    if opens:
        transport = OpeningTransport(transport, deployed_readers(), upcaster())
    answers = cast("PacedTransport", own).answers if target.settings.paced else None
    # An inbox stores no copies of events that could be enriched.
    enrich = enrichment_calls(answers) if opens else None
    return _handler(transport, enrich, answers, kind)


def _handler(
    transport: Transport, enrich: Enrich | None, answers: AnswerTimes | None, kind: LaneKind
) -> Handler:
    retention_days = settings().retention_days
    executor = threads(_BATCH)
    subscriptions = registry_stores.subscriptions(changes=True)
    events = stores.events()
    deliveries = stores.deliveries(writes=True)
    circuit_store = stores.circuits(writes=True)
    circuits = Circuits(
        circuit_store,
        announced=AnnouncedCircuits(circuit_store, events, retention_days),
        current=subscriptions.get,
    )
    rights = HandoverRights(rights_reader())
    commands = stores.commands()
    sending = lanes(executor)
    runner = AttemptRunner(
        transport=transport,
        events=events,
        claims=stores.claims(),
        deliveries=deliveries,
        may_receive=rights.permits,
        lanes=sending,
        command_end=lambda event: commands.get(event).ended,
        enrich=enrich,
    )
    lane = LaneRunner(
        runner=runner,
        ordered=_ordered(runner, rights, retention_days),
        subscriptions=SubscriptionCache(subscriptions),
        circuits=circuits,
        disabler=Disabler(AnnouncedChanges(subscriptions, events, retention_days)),
        lanes=sending,
        executor=executor,
        pacing=_pacing(circuits, deliveries, answers, kind),
    )

    def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
        return batch_answer(lane.process(queue_messages(event)))

    return handler


def _pacing(
    circuits: Circuits, deliveries: DeliveryStore, answers: AnswerTimes | None, kind: LaneKind
) -> HandOver | Turns | None:
    """Makes the pacing of a lane.

    Args:
        circuits: The circuits and paces of the lane's subscriptions.
        deliveries: The recorded deliveries.
        answers: Measures how long subscribers take to answer; None if the protocol has one lane
            only.
        kind: Which of the protocol's lanes it is.
    """
    if answers is None:
        return None
    paces = stores.paces()
    if kind == "main":
        pacing = HandOver(circuits, paces, deliveries)
        answers.slow, answers.records = pacing.slow, False
        return pacing
    turns = Turns(circuits, paces, deliveries, answers, settings().paced_share, kind)
    answers.slow = turns.slow
    return turns


def _ordered(runner: AttemptRunner, rights: HandoverRights, retention_days: int) -> OrderedRunner:
    streams = stores.streams()
    history = StreamHistory(rights.permits_late, runner.events.filtered_payload)
    return OrderedRunner(
        runner,
        stores.cursors(),
        LiveStreams(runner, stores.routings(), streams, retention_days, history),
        ReplayedStreams(
            runner=runner,
            streams=streams,
            history=history,
            replay=lambda replay_id: stores.replays().get(replay_id),
            rights=rights.reader.of,
            retention_days=retention_days,
        ),
    )
