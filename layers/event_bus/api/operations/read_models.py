"""Read models, and the states in them."""

from event_bus.api.documents.read_models import ModelStatePage, ReadModel, ReadModelPage
from event_bus.api.operation import Operation
from event_bus.api.operations import event_streams
from event_bus.api.operations.reducers import SOURCE
from event_bus.api.parameters import PAGING, PAGING_BY_NAME
from event_bus.errors import Conflict, NotFound
from event_bus.requests.read_model import ReadModelRegistration

PUT = Operation(
    "PUT /read-models/{category}",
    name="putReadModel",
    function="registry",
    scope="manage",
    action="read_model.put",
    tag="Event streams",
    summary="Keep the states of a category in a read model; a change of indexes rebuilds it.",
    query=(SOURCE,),
    body=ReadModelRegistration,
    answers={200: ReadModel, 201: ReadModel},
    located=(200, 201),
    errors=(Conflict,),
)
GET = Operation(
    "GET /read-models/{category}",
    name="getReadModel",
    function="events",
    scope="read",
    action="read_model.read",
    tag="Event streams",
    summary="A read model, with its progress and its lag.",
    query=(SOURCE,),
    answers={200: ReadModel},
    errors=(NotFound,),
)
LIST = Operation(
    "GET /read-models",
    name="listReadModels",
    function="registry",
    scope="read",
    action="read_model.list",
    tag="Event streams",
    summary="List the read models of a service.",
    query=(SOURCE, *PAGING),
    answers={200: ReadModelPage},
)
REBUILD = Operation(
    "POST /read-models/{category}/rebuild",
    name="rebuildReadModel",
    function="registry",
    scope="manage",
    action="read_model.rebuild",
    tag="Event streams",
    summary="Rebuild a read model with the current reducer; its old states stay readable.",
    query=(SOURCE,),
    answers={202: ReadModel},
    errors=(NotFound, Conflict),
)
REMOVE = Operation(
    "DELETE /read-models/{category}",
    name="removeReadModel",
    function="registry",
    scope="manage",
    action="read_model.delete",
    tag="Event streams",
    summary="Remove a read model with its states.",
    query=(SOURCE,),
    answers={204: None},
    errors=(NotFound, Conflict),
)
STATES = Operation(
    "GET /states/{category}",
    name="listStates",
    function="events",
    scope="read",
    action="state.list",
    tag="Event streams",
    summary="The states of a read model; further parameters name values of indexed members.",
    query=(event_streams.SOURCE, *PAGING_BY_NAME),
    members=True,
    answers={200: ModelStatePage},
    errors=(NotFound,),
)
