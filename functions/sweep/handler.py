"""Runs every minute: sends due deliveries, and finds work that was left undone."""

from collections.abc import Callable
from typing import Any

from event_bus import times
from event_bus.log import logger
from event_bus.runtime import inbox, maintenance

_DUE_SECONDS = 30
"""How long due deliveries may be sent, in seconds."""

_ALL_SECONDS = 45
"""When the archiver, the last part, must end, in seconds: the function times out after 60."""

_due = maintenance.due_sweep()
_unrouted = maintenance.unrouted_sweep()
_stalled = maintenance.stalled_sweep()
_listeners = inbox.ended_listeners()
_keys = maintenance.expiring_keys()
_archiver = maintenance.archiver()


def handler(_event: dict[str, Any], _context: object) -> dict[str, int]:
    """Runs all parts of the sweep; a part that fails does not stop the others."""
    end = times.steady() + _ALL_SECONDS
    parts: dict[str, Callable[[], int]] = {
        "due": lambda: _due.run(_DUE_SECONDS),
        "unrouted": _unrouted.run,
        "stalled": _stalled.run,
        "listeners": _listeners.sweep,
        "keys": _keys.run,
    }
    if archiver := _archiver:
        parts["archive"] = lambda: archiver.run(end - times.steady())
    done: dict[str, int] = {}
    failed = []
    for name, part in parts.items():
        try:
            done[name] = part()
        except Exception:
            logger.exception("sweep failed", part=name)
            failed.append(name)
    if failed:
        raise RuntimeError(f"not swept: {', '.join(failed)}")
    logger.info("swept", done=done)
    return done
