"""Every contract of the stores, as tests for moto, the simulator and the emulator."""

from tests.contracts.archive import ArchiveContract
from tests.contracts.circuits import CircuitsContract
from tests.contracts.contexts import ContextsContract
from tests.contracts.cursors import CursorsContract
from tests.contracts.deliveries import DeliveriesContract
from tests.contracts.event_streams import (
    AppendContract,
    ExpectedVersionsContract,
    ListedStreamsContract,
)
from tests.contracts.events import ListContract, PutContract
from tests.contracts.inbox_cursors import InboxCursorsContract
from tests.contracts.inboxes import InboxesContract
from tests.contracts.paces import PacesContract
from tests.contracts.registrations import KeysContract, PublishersContract, TransactionsContract
from tests.contracts.replays import ReplaysContract
from tests.contracts.routings import RoutingsContract
from tests.contracts.socket_subscribers import SocketSubscribersContract
from tests.contracts.stream_versions import StreamVersionsContract
from tests.contracts.subscriptions import SubscriptionsContract


class TestPuttingEvents(PutContract): ...


class TestArchive(ArchiveContract): ...


class TestListingEvents(ListContract): ...


class TestDeliveries(DeliveriesContract): ...


class TestRoutings(RoutingsContract): ...


class TestPublishers(PublishersContract): ...


class TestKeys(KeysContract): ...


class TestTransactions(TransactionsContract): ...


class TestSubscriptions(SubscriptionsContract): ...


class TestCircuits(CircuitsContract): ...


class TestPaces(PacesContract): ...


class TestCursors(CursorsContract): ...


class TestStreamVersions(StreamVersionsContract): ...


class TestExpectedVersions(ExpectedVersionsContract): ...


class TestAppends(AppendContract): ...


class TestListedStreams(ListedStreamsContract): ...


class TestContexts(ContextsContract): ...


class TestReplays(ReplaysContract): ...


class TestInboxes(InboxesContract): ...


class TestInboxCursors(InboxCursorsContract): ...


class TestSocketSubscribers(SocketSubscribersContract): ...
