/** The Event Bus Service for TypeScript: publish, receive, verify. */

export { EventBus, type EventBusOptions, type NewEvent } from "./client.js";
export {
  ConfigurationError,
  ConnectionFailed,
  Problem,
  UnexpectedAnswer,
  type Fault,
} from "./errors.js";
export { type DeliveredEvent, type Received, type Receiving } from "./inbox.js";
export type { components, operations, paths } from "./schema.js";
export type { Answer, Body, Item, ListPath, Method, Path, Query, RequestOptions } from "./types.js";
export { SignatureError, Webhook } from "./webhooks.js";
