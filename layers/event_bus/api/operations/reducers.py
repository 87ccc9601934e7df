"""Reducers, which make the states of event streams."""

from event_bus.api.documents.reducers import Reducer, ReducerPage
from event_bus.api.operation import Operation
from event_bus.api.parameters import PAGING, service
from event_bus.errors import Conflict, NotFound
from event_bus.states.reducer_requests import ReducerRegistration

SOURCE = service(
    "source",
    "The service that owns the streams: by default the key's own. Admins must name it, except "
    "for a list of all.",
)

PUT = Operation(
    "PUT /reducers/{category}",
    name="putReducer",
    function="registry",
    scope="manage",
    action="reducer.put",
    tag="Event streams",
    summary="Register the reducer of a category; 200 if the latest version is the same.",
    query=(SOURCE,),
    body=ReducerRegistration,
    answers={200: Reducer, 201: Reducer},
    located=(200, 201),
    errors=(Conflict,),
)
GET = Operation(
    "GET /reducers/{category}",
    name="getReducer",
    function="registry",
    scope="read",
    action="reducer.read",
    tag="Event streams",
    summary="The latest version of a category's reducer.",
    query=(SOURCE,),
    answers={200: Reducer},
    errors=(NotFound,),
)
VERSIONS = Operation(
    "GET /reducers/{category}/versions",
    name="listReducerVersions",
    function="registry",
    scope="read",
    action="reducer.list",
    tag="Event streams",
    summary="The versions of a category's reducer, the latest first, including its removals.",
    query=(SOURCE, *PAGING),
    answers={200: ReducerPage},
    errors=(NotFound,),
)
LIST = Operation(
    "GET /reducers",
    name="listReducers",
    function="registry",
    scope="read",
    action="reducer.list",
    tag="Event streams",
    summary="List the reducers of a service.",
    query=(SOURCE, *PAGING),
    answers={200: ReducerPage},
)
REMOVE = Operation(
    "DELETE /reducers/{category}",
    name="removeReducer",
    function="registry",
    scope="manage",
    action="reducer.delete",
    tag="Event streams",
    summary="Remove the reducer of a category, so that the payloads of its streams are merged.",
    query=(SOURCE,),
    answers={204: None},
    errors=(NotFound, Conflict),
)
