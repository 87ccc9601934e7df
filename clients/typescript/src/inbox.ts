/** Receives by pulling: takes events under a lease, and acknowledges those that were handled. */

import { ConfigurationError, ConnectionFailed, Problem, UnexpectedAnswer } from "./errors.js";
import { filled, pause, type Transport } from "./transport.js";
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
  /**
   * The longest time to handle the events of one pull, in seconds; 3600 by default, Infinity for
   * no limit, and 0 to renew no lease. Events that were not yielded by then come again.
   */
  renew?: number;
  /** Whether to end when the inbox is empty. */
  untilEmpty?: boolean;
  /** Ends the iteration after the current event; a pull that waits for events ends at once. */
  signal?: AbortSignal;
};

/** The wait after a failure, and the least time between two empty pulls, in milliseconds. */
const PAUSE = 1_000;
/** The longest wait after a failure, in milliseconds, whatever `Retry-After` says. */
const LONGEST_PAUSE = 60_000;

/**
 * Yields events. One counts as handled when the loop asks for the next one. If the loop is left, the
 * current event is not acknowledged, and comes again. The lease is renewed while events are handled.
 */
export async function* receive<Content>(
  transport: Transport,
  subscriptionId: string,
  { limit = 10, wait = 20, lease = 60, renew = 3600, untilEmpty = false, signal }: Receiving,
): AsyncGenerator<Received<Content>> {
  // NaN would renew the lease for ever.
  if (!(renew >= 0)) {
    const said = "must be 0 or above, or Infinity for no limit";
    throw new ConfigurationError(`renew ${said}, not ${String(renew)}.`);
  }
  const path = filled("/subscriptions/{id}", { id: subscriptionId });
  while (!signal?.aborted) {
    let taken: Schemas["FetchedEvents"];
    const askedAt = performance.now();
    try {
      const query = { limit, wait, lease };
      const timeout = transport.timeoutFor(wait);
      const call = { method: "GET", path: `${path}/events`, query, timeout, signal };
      taken = (await transport.document(call)) as Schemas["FetchedEvents"];
      if (!Array.isArray(taken.items)) {
        throw new UnexpectedAnswer(`${call.path} was answered without events`);
      }
    } catch (error) {
      if (signal?.aborted) return;
      if (!isTemporary(error)) throw error;
      const asked = error instanceof Problem ? error.retryAfter : undefined;
      // Consumers that were refused together do not come back together.
      const wait = asked ? (asked + Math.random()) * 1_000 : PAUSE;
      await pause(Math.min(wait, LONGEST_PAUSE), signal);
      continue;
    }
    if (taken.items.length === 0) {
      if (untilEmpty) return;
      // A bus that does not wait must not be asked again and again.
      await pause(Math.max(0, askedAt + PAUSE - performance.now()), signal);
      continue;
    }
    const tell = (body: object, signal?: AbortSignal) => {
      const told = { lease: taken.lease, ...body };
      return transport.send({ method: "POST", path: `${path}/ack`, body: told, signal });
    };
    const renewal = new Renewal((stopped) => tell({ extend: lease }, stopped), lease, renew);
    let handled: string | undefined;
    try {
      for (const item of taken.items) {
        // After the end of the lease, another consumer may have the remaining events.
        if (signal?.aborted || !renewal.holds) break;
        yield item as Received<Content>;
        handled = item.cursor;
      }
    } finally {
      renewal.stop();
      if (handled !== undefined) {
        await tell({ cursor: handled }).catch((error: unknown) => {
          // The events come again, as at-least-once delivery allows.
          if (!isTemporary(error) && !isConflict(error)) throw error;
        });
      }
    }
  }
}

/** Renews a lease, which begins now, until it is stopped, refused or renewed for long enough. */
class Renewal {
  readonly #renew: (stopped: AbortSignal) => Promise<unknown>;
  readonly #stopping = new AbortController();
  readonly #length: number;
  readonly #last: number;
  #ends: number;
  #timer: ReturnType<typeof setTimeout>;

  /** `renew` asks the bus for `seconds` more, for `renewFor` seconds in all. */
  constructor(
    renew: (stopped: AbortSignal) => Promise<unknown>,
    seconds: number,
    renewFor: number,
  ) {
    this.#renew = renew;
    this.#length = seconds * 1_000;
    this.#last = performance.now() + renewFor * 1_000;
    this.#ends = performance.now() + this.#length;
    this.#timer = this.#later();
  }

  /** Whether the lease has certainly not ended. */
  get holds(): boolean {
    return performance.now() < this.#ends;
  }

  stop(): void {
    clearTimeout(this.#timer);
    // A renewal that is under way could otherwise take effect after the acknowledgement.
    this.#stopping.abort();
  }

  #later(): ReturnType<typeof setTimeout> {
    const timer = setTimeout(() => void this.#run(), this.#length / 3);
    // An iterator that was left without an end must not keep the program running.
    Object(timer).unref?.();
    return timer;
  }

  async #run(): Promise<void> {
    const askedAt = performance.now();
    if (!this.holds || askedAt >= this.#last) return;
    try {
      await this.#renew(this.#stopping.signal);
      this.#ends = askedAt + this.#length;
    } catch (error) {
      const { status = 0 } = error instanceof Problem ? error : {};
      // A refusal means that the lease is gone.
      if (status !== 0 && status < 500 && status !== 429) this.#ends = 0;
    }
    if (!this.#stopping.signal.aborted) this.#timer = this.#later();
  }
}

/** Whether to wait and try again: another consumer has the lease, a limit is reached, or the bus fails. */
function isTemporary(error: unknown): boolean {
  if (error instanceof ConnectionFailed) return true;
  // Only the lease of another consumer is a conflict that passes.
  if (isConflict(error)) return error.retryAfter !== undefined;
  return error instanceof Problem && (error.status >= 500 || error.status === 429);
}

function isConflict(error: unknown): error is Problem {
  return error instanceof Problem && error.status === 409;
}
