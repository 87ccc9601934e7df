"""A file for `event-bus apply`, and a bus that only describes itself."""

from collections.abc import Callable

import httpx
from event_bus_client import EventBus

from tests.unit.clients.described import openapi_answer

GOOD = """\
# A shop and its billing.
subscribers:
  billing: {event_types: [order.*]}
publishers:
  shop:
    name: The shop
    event_types: [order.placed, order.cancelled]
    restricted:
      order.cancelled: [billing]
schemas:
  order.placed:
    validation: enforce
    description: Somebody ordered.
    schema:
      type: object
      required: [total]
      properties: {total: {type: integer}}
    example: {total: 250}
reducers:
  shop/order: {type: jsonata, expression: '{"count": $sum([state.count, 1])}'}
  shop/cart: {type: merge}
read_models:
  shop/order: {indexes: [count]}
  shop/cart: {}
subscriptions:
  billing.large-orders:
    name: Large orders
    event_types: [order.placed]
    filters:
      order.placed: {total: [{numeric: [">=", 100]}]}
    callback_url: https://billing.example.com/events
    retry_policy: {schedule: [5, 60], client_errors: final}
    enrichment:
      customer: {type: lookup, context: customers, key: $.payload.customer}
      price: {type: http, url: "https://prices.example.com/", timeout: 2}
  billing.queue:
    event_types: [order.*]
    target: {type: sqs, managed: true}
"""


HANDLER = """\
  billing.commands:
    event_types: [command.bill]
    handles: true
    target: {type: http, url: "https://billing.example.com/commands", reply: true}
  billing.other-commands:
    event_types: [command.refund]
    handles: true
    delivery_guarantee: at_least_once
    callback_url: https://billing.example.com/refunds
"""


def bus_of(respond: Callable[[httpx.Request], httpx.Response]) -> EventBus:
    return EventBus("https://bus.example", "ebk_1", transport=httpx.MockTransport(respond))


def offline() -> EventBus:
    """A bus that answers with its OpenAPI document alone."""
    return bus_of(lambda _: openapi_answer())


OFFLINE = offline()


FOLLOWING = """\
  billing.orders:
    event_types: [order.*]
    target: {type: pull}
    stream: {source: shop, category: order, from_version: 1}
  billing.order-1:
    event_types: [order.*]
    target: {type: pull}
    filters: {"*": {metadata: {stream_version: [{numeric: [">=", 5]}]}}}
    stream: {source: shop, id: order/1}
"""
