/** Receives by pulling: takes events under a lease, and acknowledges those that were handled. */

import { ConnectionFailed, Problem, UnexpectedAnswer } from "./errors.js";
import { pause, type Transport } from "./transport.js";
import type { Schemas } from "./types.js";

/** An event as subscribers receive it. */
export type DeliveredEvent = Schemas["DeliveredEvent"];

type Place = Pick<Schemas["FetchedEvent"], "cursor" | "delivery_id">;

/**
 * An event from an inbox, or why there is none: its transform failed, or the bus cannot read it.
 * `Content` is what the subscription's transform makes of events; without one, it is the event.
 */
export type Received<Content = DeliveredEvent> = Place &
  ({ event: Content; error?: undefined } | { event: null; error: Schemas["FetchError"] });

/** How to receive. */
export type Receiving = {
  /** How many events are leased together, 1 to 100; 10 by default. */
  limit?: number;
  /** How long the bus waits for events, 0 to 20 seconds; 20 by default. */
  wait?: number;
  /** After how many seconds the events come again when this program dies; 60 by default. */
  lease?: number;
  /** Whether to end when the inbox is empty. */
  untilEmpty?: boolean;
  /** Ends the iteration after the current event. */
  signal?: AbortSignal;
};

/** The wait after a failure, and the least time between two empty pulls, in milliseconds. */
const PAUSE = 1_000;

/**
 * Yields events. One counts as handled when the loop asks for the next one. If the loop is left, the
 * current event is not acknowledged, and comes again. The lease is renewed while events are handled.
 */
export async function* receive<Content>(
  transport: Transport,
  subscriptionId: string,
  { limit = 10, wait = 20, lease = 60, untilEmpty = false, signal }: Receiving,
): AsyncGenerator<Received<Content>> {
  const path = `/subscriptions/${encodeURIComponent(subscriptionId)}`;
  while (!signal?.aborted) {
    let taken: Schemas["FetchedEvents"];
    const askedAt = Date.now();
    try {
      const call = { method: "GET", path: `${path}/events`, query: { limit, wait, lease } };
      taken = (await transport.document(call)) as Schemas["FetchedEvents"];
      if (!Array.isArray(taken.items)) {
        throw new UnexpectedAnswer(`${call.path} was answered without events`);
      }
    } catch (error) {
      if (!isTemporary(error)) throw error;
      await pause(PAUSE);
      continue;
    }
    if (taken.items.length === 0) {
      if (untilEmpty) return;
      // A bus that does not wait must not be asked again and again.
      await pause(Math.max(0, askedAt + PAUSE - Date.now()));
      continue;
    }
    const acknowledge = async (body: object) => {
      const call = { method: "POST", path: `${path}/ack`, body: { lease: taken.lease, ...body } };
      await transport.send(call).catch((error: unknown) => {
        // The events come again, as at-least-once delivery allows.
        if (!isTemporary(error)) throw error;
      });
    };
    const renew = () => void acknowledge({ extend: lease }).catch(() => {});
    const renewal = setInterval(renew, (lease * 1_000) / 3);
    let handled: string | undefined;
    try {
      for (const item of taken.items) {
        if (signal?.aborted) break;
        yield item as Received<Content>;
        handled = item.cursor;
      }
    } finally {
      clearInterval(renewal);
      if (handled !== undefined) await acknowledge({ cursor: handled });
    }
  }
}

/** Whether to wait and try again: another consumer has the lease, a limit is reached, or the bus fails. */
function isTemporary(error: unknown): boolean {
  if (error instanceof ConnectionFailed) return true;
  return error instanceof Problem && (error.status >= 500 || [409, 429].includes(error.status));
}
