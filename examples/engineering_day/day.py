"""A whole day: registering, warming up, playing, reading back, cleaning up."""

import secrets
from contextlib import ExitStack, closing

from rich.console import Console

from examples.engineering_day import report
from examples.engineering_day.arrivals import arrivals
from examples.engineering_day.bus import Address, Bus, DayError
from examples.engineering_day.cast import CAST, LLM, NOTIFICATIONS, TASK_MANAGER
from examples.engineering_day.ledger import Ledger
from examples.engineering_day.questions import pause_and_resume, states, why_not
from examples.engineering_day.read_back import read_back
from examples.engineering_day.receiver import Receiver
from examples.engineering_day.registration import (
    NAME,
    keep_models,
    register,
    subscribe,
    unsubscribe,
)
from examples.engineering_day.screen import Screen
from examples.engineering_day.story import FOLLOWED, FOLLOWED_TYPES, scenes
from examples.engineering_day.summary import DayTotals, day_totals, faults
from examples.engineering_day.team import Team
from examples.engineering_day.warm_up import warm_up

_SCENE_SECONDS = 60.0
_READ_BACK_SECONDS = 30.0


def play(address: Address, console: Console) -> DayTotals:
    """Plays the day.

    Args:
        address: The bus.
        console: The terminal that shows it.

    Returns:
        Its totals, checked.

    Raises:
        DayError: The day cannot be played, or an event was lost, wrong or unexpected.
    """
    address.check()
    run = f"day-{secrets.token_hex(3)}"
    screen = Screen(console, run)
    with ExitStack() as open_:
        admin = open_.enter_context(closing(Bus(address.url, address.admin_key)))
        report.introduce(screen, address)
        register(address)
        unsubscribe(admin)
        open_.callback(unsubscribe, admin)
        arriving = open_.enter_context(arrivals(address, admin))
        warmed = warm_up(arriving, run, NOTIFICATIONS, NAME)
        buses = {
            role.service_id: open_.enter_context(closing(Bus(address.url, role.api_key)))
            for role in CAST
        }
        keep_models(buses[LLM.service_id])
        ledger = Ledger()
        team = Team(run, buses, ledger, screen)
        open_.callback(team.close)
        subscriptions = subscribe(arriving, team)
        _play_scenes(team, ledger, screen)
        entries = ledger.published
        documents = read_back(
            admin, [entry.id for entry in entries], subscriptions, _READ_BACK_SECONDS
        )
        followed = admin.events_of(team.correlation_id(FOLLOWED))
        report.follow(screen, team.correlation_id(FOLLOWED), followed, documents)
        found = [
            *ledger.faults,
            *arriving.faults,
            *_refused(arriving.receiver),
            *faults(entries, documents, subscriptions),
            *_faults_of_list([event["type"] for event in followed]),
        ]
        counted = day_totals(entries, documents, subscriptions)
        report.summarise(screen, counted, warmed)
        if not found:
            states(screen, buses[TASK_MANAGER.service_id], team.correlation_id(FOLLOWED))
            why_not(screen, address, entries, subscriptions)
    if found:
        raise DayError("The day did not go as it must:\n" + "\n".join(f"- {f}" for f in found))
    pause_and_resume(screen, address)
    report.conclude(screen, address, team.correlation_id(FOLLOWED))
    return counted


def _play_scenes(team: Team, ledger: Ledger, screen: Screen) -> None:
    screen.heading("The day, hop by hop, in the order of arrival; times are since publish")
    screen.columns()
    for scene in scenes(team.tasks, team.knowledge):
        screen.heading(scene.title)
        scene.act()
        if not ledger.wait_until_quiet(_SCENE_SECONDS):
            if not ledger.faults:
                ledger.fault(f"not all events arrived within {_SCENE_SECONDS:g} s")
            return


def _refused(receiver: Receiver) -> list[str]:
    return [f"a signature was not good: {each}" for each in receiver.refused]


def _faults_of_list(types: list[str]) -> list[str]:
    if tuple(types) == FOLLOWED_TYPES:
        return []
    return [f"the list of {FOLLOWED} by its correlation id is {', '.join(types) or 'empty'}"]
