"""An event loop in a thread of its own, for callers without asyncio."""

import asyncio
import threading
from collections.abc import Coroutine
from concurrent.futures import CancelledError
from typing import Any, TypeVar

from event_bus_client.errors import ConnectionFailed

Result = TypeVar("Result")


class LoopThread:
    """Runs coroutines in a thread that no program waits for at its end."""

    def __init__(self) -> None:
        """Starts the thread."""
        self._loop = asyncio.new_event_loop()
        self._ending = threading.Lock()
        self._ended = False
        self._thread = threading.Thread(target=self._run, name="event-bus-loop", daemon=True)
        try:
            self._thread.start()
        except BaseException:
            self._loop.close()
            raise

    def result(self, work: Coroutine[Any, Any, Result]) -> Result:
        """Waits for a coroutine, and cancels it if the wait is interrupted, such as by Ctrl-C.

        Args:
            work: The coroutine, which has not begun. It must end in time by itself.

        Raises:
            ConnectionFailed: The thread ends, or belongs to the process that has forked this one.
            Exception: Whatever the coroutine raises.
        """
        with self._ending:
            if self._ended or not self._thread.is_alive():
                work.close()
                raise ConnectionFailed("The connection has been closed.")
            future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return future.result()
        except CancelledError as error:
            raise ConnectionFailed("The connection has been closed.") from error
        finally:
            future.cancel()

    def close(self) -> None:
        """Ends the thread, and cancels what it still does. Later calls do nothing."""
        with self._ending:
            if not self._ended and self._thread.is_alive():
                self._loop.call_soon_threadsafe(self._loop.stop)
            self._ended = True

    def _run(self) -> None:
        try:
            self._loop.run_forever()
            self._loop.run_until_complete(_cancel_others())
        finally:
            self._loop.close()


async def _cancel_others() -> None:
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for each in others:
        each.cancel()
    await asyncio.gather(*others, return_exceptions=True)
