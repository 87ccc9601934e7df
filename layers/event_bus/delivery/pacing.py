"""Makes messages of slow, new and limited subscriptions wait for their turn.

The paced and the slow lane of a protocol give each message a turn, and permit as many attempts in
flight as the subscription's limits and its fair share of the lane allow. A message that must wait
goes back with a delay. It is not claimed, and counts as no attempt.
"""

import math
import random
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from event_bus import times
from event_bus.delivery.batch_plan import BatchPlan, is_paced, lane_for, mark_slow
from event_bus.delivery.circuits import Circuits
from event_bus.delivery.messages import Batch, attempted
from event_bus.ids import new_id
from event_bus.log import logger
from event_bus.model.delivery import LANE_FUNCTION_SECONDS
from event_bus.model.pace import (
    LEASE_SECONDS,
    TRIAL_FUNCTIONS,
    TURN_SECONDS,
    Limits,
    Pace,
)
from event_bus.model.subscription import Subscription
from event_bus.model.transitions import LONGEST_DELAY_SECONDS
from event_bus.queues.message import LaneKind, Message
from event_bus.stores.deliveries import DeliveryStore
from event_bus.stores.paces import PaceStore
from event_bus.targets.answer_times import AnswerTimes

_LOOK_AGAIN_SECONDS = 5

_NO_SERIES = -1

_TRIAL_SECONDS = 2
"""The longest delay of a message that waits while its subscription is on trial: a second after an
attempt has begun, the trial is over.
"""

# A patient change of a pace may take 18 s. With more time left, it ends before the function must.
_LEAST_LEFT_SECONDS = LEASE_SECONDS - LANE_FUNCTION_SECONDS + 20.0


@dataclass(slots=True)
class Turns:
    """Gives the attempts of the paced or the slow lane their turns, as the limits allow.

    Attributes:
        circuits: The circuits and paces of the subscriptions.
        paces: Stores paces.
        deliveries: The recorded deliveries.
        answers: Measures how long attempts take.
        functions: The most functions of the lane that one subscription may occupy, or all those on
            trial together.
        lane_kind: Which of the two lanes it is.
    """

    circuits: Circuits
    paces: PaceStore
    deliveries: DeliveryStore
    answers: AnswerTimes
    functions: int
    lane_kind: LaneKind = "paced"
    _holder: str = field(default_factory=lambda: new_id("fn"))
    _leased: dict[str, Pace] = field(default_factory=dict)
    _tries: str | None = None

    def plan(self, batch: Batch, subscriptions: Mapping[str, Subscription]) -> BatchPlan:
        """Takes turns for messages of paced subscriptions, and sends back those that must wait."""
        waiting: defaultdict[str, dict[int, Message]] = defaultdict(dict)
        plan, now = BatchPlan(), times.unix()
        for place, (queue_message, message) in enumerate(batch):
            subscription = subscriptions.get(message.subscription_id)
            if self._keeps_turn(message, subscription, now) and self._waits(message, subscription):
                plan.moved[place] = replace(message, delay=_delay((message.turn or now) - now))
            elif (
                is_paced(self.circuits, subscription)
                and not self._left_alone(message.subscription_id)
                and not attempted(self.deliveries, queue_message, message)
            ):
                waiting[message.subscription_id][place] = message
        for subscription_id, messages in waiting.items():
            if not self._may_try(subscriptions[subscription_id]):
                plan.moved.update(_held(messages, _TRIAL_SECONDS))
                continue
            taken = self._take(subscriptions[subscription_id], messages)
            plan.moved.update(taken.moved)
            plan.side_by_side.update(taken.side_by_side)
        if not any(self._on_trial(each) for each in plan.side_by_side):
            # Others on trial need not wait until this batch has ended.
            self._end_tries()
        return plan

    def ended(self, subscription_id: str) -> None:
        """Returns what a subscription has taken, and records how long its attempts took.

        Other subscriptions of the batch may still wait for answers. Threads may call it.

        Args:
            subscription_id: The subscription, none of whose attempts is in flight any more.
        """
        pace = self._leased.pop(subscription_id, None)
        seconds = self.answers.taken(subscription_id)
        if pace is None:
            return
        try:
            self._give_back(subscription_id, pace, seconds)
        except Exception:
            # The lease ends by itself.
            logger.exception("lease not given back", subscription_id=subscription_id)

    def close(self) -> None:
        """Returns what the batch still has, such as after a failure."""
        for subscription_id in list(self._leased):
            self.ended(subscription_id)
        self._end_tries()
        self.answers.forget()

    def slow(self, subscription_id: str) -> None:
        """Marks a subscription as slow, so that no further attempt begins in the paced lane."""
        known = self.circuits.paces.last(subscription_id)
        if known is None or known.state != "slow":
            holder = self._holder if subscription_id in self._leased else None
            mark_slow(self.circuits, self.paces, subscription_id, holder)

    def _left_alone(self, subscription_id: str) -> bool:
        """Returns whether its circuit makes deliveries wait, so that no attempt needs a turn."""
        circuit = self.circuits.known(subscription_id)
        return circuit is not None and circuit.waits(times.unix())

    def _keeps_turn(self, message: Message, subscription: Subscription | None, now: float) -> bool:
        """Returns whether a message waits for a turn under the present rate limit.

        Without it, the message would need a new turn, which comes after those of all others.
        """
        if subscription is None or subscription.status == "disabled":
            return False
        if subscription.rate_limit is None or message.turn is None:
            return False
        pace = self.circuits.paces.last(subscription.id) or Pace()
        return message.turn > now and message.turn_series == pace.series

    def _waits(self, message: Message, subscription: Subscription | None) -> bool:
        """Returns whether a message may only wait: for its circuit, or for the end of a pause."""
        is_paused = subscription is not None and subscription.status == "paused"
        return is_paused or self._left_alone(message.subscription_id)

    def _on_trial(self, subscription_id: str) -> bool:
        pace = self.circuits.paces.last(subscription_id)
        return pace is not None and pace.state == "trial"

    def _may_try(self, subscription: Subscription) -> bool:
        """Takes a lease for the subscriptions on trial in the batch, if this is one of them.

        Many may be new, and never answer. Together, they leave half of the functions to
        subscriptions that have limits.
        """
        if self.lane_kind != "paced" or self._tries or not self._on_trial(subscription.id):
            return True
        name = trials_name(subscription.target.lane)
        limits = Limits(self.functions)
        try:
            self.circuits.look_up([name])
            taken = self.paces.change(
                name,
                lambda pace: pace.leased(self._holder, 1, limits, times.unix())[0],
                self.circuits.paces.last(name),
            )
        except Exception:
            logger.exception("lease not taken", pace=name)
            return False
        if taken is None or self._holder not in taken.leases:
            return False
        self.circuits.paces.put(name, taken)
        self._tries = name
        return True

    def _end_tries(self) -> None:
        """Returns the lease for subscriptions on trial."""
        name, self._tries = self._tries, None
        if name is None:
            return
        known = self.circuits.paces.last(name)
        try:
            self.paces.change(
                name,
                lambda pace: pace.returned(self._holder, [], times.unix()),
                known,
                patient=known is not None and self._has_time(known),
            )
        except Exception:
            # The lease ends by itself.
            logger.exception("lease not given back", pace=name)

    def _take(self, subscription: Subscription, messages: dict[int, Message]) -> BatchPlan:
        plan = BatchPlan()

        def taken(pace: Pace) -> Pace:
            nonlocal plan
            pace, plan = self._planned(subscription, pace, messages)
            return pace

        try:
            known = self.circuits.paces.last(subscription.id)
            if after := self.paces.change(subscription.id, taken, known):
                self.circuits.paces.put(subscription.id, after)
                if plan.side_by_side:
                    self._leased[subscription.id] = after
                self._record_turns(messages, plan.moved)
                return plan
        except Exception:
            logger.exception("turns not taken", subscription_id=subscription.id)
        return BatchPlan(_held(messages, _LOOK_AGAIN_SECONDS))

    def _record_turns(self, before: Mapping[int, Message], moved: Mapping[int, Message]) -> None:
        """Records the new turns of retries, if these turns are far away.

        Otherwise the sweep would take their messages for lost. It would send others again and
        again, and each of these would take a turn.
        """
        for place, message in moved.items():
            turn, is_retry = message.turn or 0.0, message.attempt > 1 or message.recorded
            is_far = turn - times.unix() > LONGEST_DELAY_SECONDS
            if not (is_retry and is_far) or turn == before[place].turn:
                continue
            try:
                self.deliveries.comes_at(message.key, message.attempt, times.at(turn))
            except Exception:
                logger.exception("turn not recorded", event_id=message.event_id)

    def _planned(
        self, subscription: Subscription, pace: Pace, messages: Mapping[int, Message]
    ) -> tuple[Pace, BatchPlan]:
        """Returns the pace of a subscription after its messages took their turns, and the plan."""
        lane_kind = lane_for(pace)
        if lane_kind == "slow" and self.lane_kind == "paced":
            return pace, BatchPlan(
                {
                    place: replace(message, lane_kind=lane_kind)
                    for place, message in messages.items()
                }
            )
        on_trial = pace.state == "trial"
        functions = min(self.functions, TRIAL_FUNCTIONS) if on_trial else self.functions
        limits = Limits(functions, subscription.max_in_flight, subscription.rate_limit)
        now = times.unix()
        pace = pace.under(limits, now)
        without = [
            place
            for place, message in messages.items()
            if not _has_turn(message, pace, limits, now)
        ]
        pace, turns = pace.turns(len(without), limits, now)
        given = dict(zip(without, turns, strict=True))
        # New messages queue behind those that already wait for a free slot.
        line = limits.rate_limit is None and pace.next_look > now and not on_trial
        # Without a limit, `turn` is only the time of the next check for a free slot. A limit that
        # is set later must not take it for one of its turns.
        series = _NO_SERIES if limits.rate_limit is None else pace.series
        plan = BatchPlan()
        ready: list[int] = []
        behind: list[int] = []
        for place, message in messages.items():
            turn = given.get(place, message.turn) or now
            if limits.rate_limit is not None and turn > now:
                plan.moved[place] = _waiting(message, lane_kind, turn, series, turn - now)
            elif line and message.turn is None:
                behind.append(place)
            else:
                ready.append(place)
        if ready:
            pace, granted = pace.leased(self._holder, len(ready), limits, now)
            if granted:
                plan.side_by_side[subscription.id] = granted
            else:
                behind += ready
        if on_trial:
            looks = [now + random.uniform(1, _TRIAL_SECONDS) for _ in behind]  # noqa: S311
        else:
            pace, looks = pace.looks(len(behind), limits, now)
        for place, look in zip(behind, looks, strict=True):
            message = messages[place]
            after = look if limits.rate_limit is None else given.get(place, message.turn)
            plan.moved[place] = _waiting(message, lane_kind, after, series, look - now)
        return pace, plan

    def _has_time(self, known: Pace) -> bool:
        """Whether a patient change of a pace ends before this function must.

        A lease that is not given back occupies its slots until it ends by itself. One that ends
        soon is not worth the wait.
        """
        until, _ = known.leases.get(self._holder, (0.0, 0))
        return until - times.unix() > _LEAST_LEFT_SECONDS

    def _give_back(self, subscription_id: str, known: Pace, seconds: list[float]) -> None:
        after = self.paces.change(
            subscription_id,
            lambda pace: self._returned(pace, seconds),
            known,
            patient=self._has_time(known),
        )
        if after is None:
            logger.warning("lease not given back", subscription_id=subscription_id)
            return
        self.circuits.paces.put(subscription_id, after)
        if after.state != known.state:
            logger.info("pace changed", subscription_id=subscription_id, state=after.state)

    def _returned(self, pace: Pace, seconds: list[float]) -> Pace:
        # Without this lease, the pace has begun anew for another target: the attempts say nothing
        # about that one.
        if self._holder not in pace.leases:
            return pace
        return pace.returned(self._holder, seconds, times.unix())


def trials_name(protocol: str) -> str:
    """Returns the name of the pace with the leases for subscriptions on trial."""
    return f"#trials#{protocol}"


def _held(messages: Mapping[int, Message], longest: int) -> dict[int, Message]:
    return {
        place: replace(message, delay=random.randint(1, longest))  # noqa: S311
        for place, message in messages.items()
    }


def _has_turn(message: Message, pace: Pace, limits: Limits, now: float) -> bool:
    if limits.rate_limit is None:
        return True
    if message.turn is None or message.turn_series != pace.series:
        return False
    return message.turn > now - TURN_SECONDS


def _waiting(
    message: Message, lane_kind: LaneKind, turn: float | None, series: int, seconds: float
) -> Message:
    """Returns the message that is sent back to the queue, where it waits for its turn."""
    return replace(
        message,
        lane_kind=lane_kind,
        turn=turn,
        turn_series=series,
        delay=_delay(seconds),
    )


def _delay(seconds: float) -> int:
    return min(max(1, math.ceil(seconds)), LONGEST_DELAY_SECONDS)
