/** The client of a bus. */

import { receive, type DeliveredEvent, type Received, type Receiving } from "./inbox.js";
import { UnexpectedAnswer } from "./errors.js";
import type { paths } from "./schema.js";
import { filled, Transport, type Call } from "./transport.js";
import type { Answer, Item, ListPath, Method, Path, RequestOptions, Schemas } from "./types.js";

/** How to reach a bus. */
export type EventBusOptions = {
  /** The base URL of the API. A URL, a key or a duration that is not valid is a `ConfigurationError`. */
  url: string;
  apiKey?: string;
  /** How often a request is sent in all; 5 by default. */
  attempts?: number;
  /** How long one attempt may take, in milliseconds; 30 000 by default, Infinity for no limit. */
  timeout?: number;
  /** Replaces the network, as tests do. */
  fetch?: typeof fetch;
};

/** An event to publish. The client makes its id if it has none. */
export type NewEvent = Schemas["EventSubmission"];

type Given = {
  ids?: Record<string, string>;
  query?: Record<string, unknown>;
  body?: unknown;
  signal?: AbortSignal;
};

/** A client of a bus. */
export class EventBus {
  readonly #transport: Transport;

  constructor(options: EventBusOptions) {
    this.#transport = new Transport({
      url: options.url,
      apiKey: options.apiKey,
      attempts: options.attempts ?? 5,
      timeout: options.timeout ?? 30_000,
      fetch: options.fetch ?? fetch,
    });
  }

  /**
   * Publishes one event. When this resolves, the event is stored.
   *
   * Its id stays the same through all retries, so that it is never published twice. `signal` ends
   * the request and its retries; `AbortSignal.timeout` bounds all of them together.
   */
  async publish(
    event: NewEvent,
    { signal }: { signal?: AbortSignal } = {},
  ): Promise<Schemas["AcceptedEvent"]> {
    const call = { method: "POST", path: "/events", body: withId(event), signal };
    return (await this.#transport.document(call)) as Schemas["AcceptedEvent"];
  }

  /**
   * Yields the items of a list, page by page.
   *
   * @example
   * for await (const letter of bus.list("/dead-letters", { query: { limit: 100 } })) ...
   */
  async *list<P extends ListPath & keyof paths>(
    path: P,
    ...options: RequestOptions<"GET", P> extends { ids: object }
      ? [RequestOptions<"GET", P>]
      : [RequestOptions<"GET", P>?]
  ): AsyncGenerator<Item<P>, void, undefined> {
    const { ids, query, signal } = (options[0] ?? {}) as unknown as Given;
    const call = { method: "GET", path: filled(path, ids), signal };
    let cursor = query?.cursor;
    for (;;) {
      const page = await this.#transport.document({ ...call, query: { ...query, cursor } });
      const next = page.next_cursor ?? undefined;
      if (!Array.isArray(page.items)) {
        throw new UnexpectedAnswer(`${call.path} was answered without items`);
      }
      yield* page.items as Item<P>[];
      if (next === undefined) return;
      if (next === cursor) throw new UnexpectedAnswer(`${call.path}: a page names itself as the next`);
      cursor = next;
    }
  }

  /**
   * Yields the events of an inbox, at least once each; see `Receiving`.
   *
   * For a subscription with a transform, `Content` is what the transform makes of events.
   */
  receive<Content = DeliveredEvent>(
    subscriptionId: string,
    options: Receiving = {},
  ): AsyncGenerator<Received<Content>> {
    return receive(this.#transport, subscriptionId, options);
  }

  /**
   * Sends any request of the API, with the types of its operation.
   *
   * @example
   * const event = await bus.request("GET", "/events/{id}", { ids: { id: "evt_1" } });
   */
  async request<M extends Method, P extends Path<M> & keyof paths>(
    method: M,
    path: P,
    ...options: RequestOptions<M, P> extends { ids: object }
      ? [RequestOptions<M, P>]
      : [RequestOptions<M, P>?]
  ): Promise<Answer<M, P>> {
    const given = (options[0] ?? {}) as unknown as Given;
    const publishes = method === "POST" && PUBLISHING.has(path);
    const call: Call = {
      method,
      path: filled(path, given.ids),
      query: given.query,
      body: publishes ? withIds(given.body) : given.body,
      // By this key, the bus recognises a retry, and creates nothing twice.
      headers: method === "POST" ? { "idempotency-key": `"${crypto.randomUUID()}"` } : {},
      // If the answer was lost, a retry would find the version that the first attempt wrote.
      repeatable: !(method === "PUT" && has(given.body, "expected_version")),
      timeout: this.#transport.timeoutFor(given.query?.wait),
      signal: given.signal,
    };
    const answer = publishes ? this.#transport.document(call) : this.#transport.send(call);
    return (await answer) as Answer<M, P>;
  }
}

/** The operations that store events. By an event's id, a retry stores it once. */
const PUBLISHING: ReadonlySet<string> = new Set(["/events", "/commands", "/streams/events"]);

function withIds(body: unknown): unknown {
  if (Array.isArray(body)) return body.map(withIds);
  if (has(body, "events")) return { ...body, events: withIds(body.events) };
  return typeof body === "object" && body !== null ? withId(body) : body;
}

function withId(event: { id?: string | null }): object {
  return { ...event, id: event.id ?? `evt_${crypto.randomUUID()}` };
}

function has<N extends string>(body: unknown, name: N): body is Record<N, unknown> {
  return typeof body === "object" && body !== null && name in body;
}
