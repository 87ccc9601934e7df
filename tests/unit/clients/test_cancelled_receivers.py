"""Receivers whose HTTP request or asyncio task is cancelled while they handle a delivery."""

import asyncio
import threading

import anyio
import pytest
from anyio import CancelScope
from event_bus_client import AsyncReceiver, Event, MemoryStore, Seen, TryLater

from tests.unit.clients.received import received


@pytest.mark.parametrize("handled", [False, True])
def test_a_delivery_whose_request_is_cancelled_is_given_back_or_noted(handled: bool) -> None:
    store = MemoryStore()
    receiver, event = AsyncReceiver(store=store), Event.model_validate(received())

    async def ask() -> None:
        with CancelScope() as scope:

            @receiver.on("order.*")
            async def handle(event: Event) -> None:
                scope.cancel()
                if not handled:
                    await anyio.sleep_forever()

            await receiver.handle(event)

    asyncio.run(ask())
    assert store.begin(event.id) is (Seen.DONE if handled else Seen.NEW)


@pytest.mark.parametrize("handled", [False, True])
def test_a_task_that_is_cancelled_again_still_notes_its_delivery(handled: bool) -> None:
    async def ask() -> None:
        def cancel() -> None:
            loop.call_soon_threadsafe(asking.cancel)
            cancelled = threading.Event()
            loop.call_soon_threadsafe(loop.call_later, 0.05, cancelled.set)
            cancelled.wait(10)

        class SlowStore(MemoryStore):
            def finish(self, delivery_id: str, answer: str) -> None:
                cancel()
                super().finish(delivery_id, answer)

            def abandon(self, delivery_id: str) -> None:
                cancel()
                super().abandon(delivery_id)

        store = SlowStore()
        receiver, event = AsyncReceiver(store=store), Event.model_validate(received())

        @receiver.on("order.*")
        async def handle(event: Event) -> None:
            # `cancel` raises CancelledError at the next `await`. So do aiohttp and asyncio.timeout.
            asking.cancel()
            if not handled:
                raise TryLater("Not now.")

        loop = asyncio.get_running_loop()
        asking = loop.create_task(receiver.handle(event))
        with pytest.raises(asyncio.CancelledError):
            await asking
        assert store.begin(event.id) is (Seen.DONE if handled else Seen.NEW)

    asyncio.run(ask())
