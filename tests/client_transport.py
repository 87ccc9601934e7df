"""Hands the client's requests to the functions of the bus, in this process."""

import re
from urllib.parse import unquote

import httpx
import orjson
from event_bus.api.operation import Operation
from event_bus.api.operations.registry import OPERATIONS

from tests.builders import service
from tests.handlers import Functions

_PATHS = [(re.compile(re.sub(r"\{\w+\}", "([^/]+)", each.path)), each) for each in OPERATIONS]


class FunctionsTransport(httpx.BaseTransport):
    """Answers as API Gateway and the functions do, for the service that the key names.

    Every event is routed before the request that published it is answered.
    """

    def __init__(self, functions: Functions) -> None:
        self.functions = functions
        self.routed: set[str] = set()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        path = request.url.raw_path.decode().partition("?")[0]
        operation, parameters = self._found(request.method, path)
        body = request.read()
        answer = self.functions.request(
            operation.function,
            operation.key,
            service(request.headers["x-api-key"]),
            orjson.loads(body) if body else None,
            parameters=parameters or None,
            query=dict(request.url.params) or None,
            path=path,
        )
        if answer.status < 300:
            self._route()
        content = None if answer.body is None else orjson.dumps(answer.body)
        return httpx.Response(answer.status, headers=answer.headers, content=content)

    @staticmethod
    def _found(method: str, path: str) -> tuple[Operation, dict[str, str]]:
        for pattern, operation in _PATHS:
            found = pattern.fullmatch(path)
            if found and method in operation.methods:
                values = map(unquote, found.groups())
                return operation, dict(zip(operation.path_parameters, values, strict=True))
        raise AssertionError(f"{method} {path}")

    def _route(self) -> None:
        dynamodb, table = self.functions.aws.dynamodb, self.functions.aws.tables["events"]
        stored = {each["id"]["S"] for each in dynamodb.scan(TableName=table)["Items"]}
        for event_id in sorted(stored - self.routed):
            self.functions.invoke("route", self.functions.stored(event_id))
        self.routed |= stored
