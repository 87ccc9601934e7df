"""Delivering events of the past again."""

from event_bus.api.documents.replays import Replay, ReplayPage
from event_bus.api.operation import Operation
from event_bus.api.parameters import PAGING
from event_bus.errors import Conflict, NotFound
from event_bus.requests.replay import EventReplayRequest, ReplayRequest

REPLAY_EVENT = Operation(
    "POST /events/{id}/replay",
    name="replayEvent",
    function="recovery",
    scope="recover",
    action="replay.create",
    tag="Replays",
    summary="Deliver an event again, to all that match it now or to one subscription.",
    body=EventReplayRequest,
    body_required=False,
    creates=True,
    answers={202: Replay},
    located=(202,),
    errors=(NotFound, Conflict),
)
START = Operation(
    "POST /replays",
    name="startReplay",
    function="recovery",
    scope="recover",
    action="replay.create",
    tag="Replays",
    summary="Deliver the events of a period again.",
    body=ReplayRequest,
    creates=True,
    answers={202: Replay},
    located=(202,),
    errors=(NotFound, Conflict),
)
LIST = Operation(
    "GET /replays",
    name="listReplays",
    function="recovery",
    scope="read",
    action="replay.list",
    tag="Replays",
    summary="List replays, newest first.",
    query=PAGING,
    answers={200: ReplayPage},
)
GET = Operation(
    "GET /replays/{id}",
    name="getReplay",
    function="recovery",
    scope="read",
    action="replay.read",
    tag="Replays",
    summary="One replay, with its progress.",
    answers={200: Replay},
    errors=(NotFound,),
)
CANCEL = Operation(
    "DELETE /replays/{id}",
    name="cancelReplay",
    function="recovery",
    scope="recover",
    action="replay.cancel",
    tag="Replays",
    summary="Cancel a replay.",
    answers={200: Replay},
    errors=(NotFound, Conflict),
)
