/** Sends requests, and repeats them after temporary failures. */

import {
  ConfigurationError,
  ConnectionFailed,
  Problem,
  retryAfter,
  UnexpectedAnswer,
} from "./errors.js";

/** One request to the API. */
export type Call = {
  method: string;
  path: string;
  query?: Record<string, unknown> | undefined;
  body?: unknown;
  headers?: Record<string, string>;
  /** How long one attempt may take, in milliseconds; by default as the transport has it. */
  timeout?: number | undefined;
  /** Whether sending it twice does no more than sending it once; true by default. */
  repeatable?: boolean;
  signal?: AbortSignal | undefined;
};

/** How to reach a bus. */
export type TransportOptions = {
  url: string;
  apiKey?: string | undefined;
  /** How often a request is sent in all. */
  attempts: number;
  /** How long one attempt may take, in milliseconds; Infinity for no limit. */
  timeout: number;
  fetch: typeof fetch;
};

const REPEATED = new Set([429, 500, 502, 503, 504]);
/** The first and the longest wait between two attempts, in milliseconds. */
const FIRST_WAIT = 250;
const LONGEST_WAIT = 20_000;
/** The longest wait that a request may ask for, in seconds, and more. The bus refuses a longer one. */
const MOST_ASKED = 60;
/** The longest time that a timer can measure, in milliseconds; a longer one ends at once. */
const LONGEST_TIMER = 2 ** 31 - 1;
/** The time of an attempt beyond the wait of the bus, in seconds. */
const ANSWERING = 15;
/** The media types of successful answers that are not JSON: metrics, diagrams and SSE. */
const TEXTS = new Set(["text/plain", "application/vnd.mermaid", "text/event-stream"]);
/** The most bytes of an answer. API Gateway sends up to 10 MB. */
const LARGEST_ANSWER = 16 * 1024 * 1024;

/** Waits; ends early when the signal is aborted. */
export const pause = (milliseconds: number, signal?: AbortSignal) =>
  new Promise<void>((resolve) => {
    const end = () => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", end);
      resolve();
    };
    const timer = setTimeout(end, milliseconds);
    signal?.addEventListener("abort", end);
    if (signal?.aborted) end();
  });

/** Returns a timeout; throws a ConfigurationError if no timer can measure it. */
function measurable(timeout: number): number {
  const measured = timeout > 0 && timeout <= LONGEST_TIMER;
  if (typeof timeout === "number" && (measured || timeout === Infinity)) return timeout;
  const said = `must be above 0 and at most ${LONGEST_TIMER}, or Infinity for no limit`;
  throw new ConfigurationError(`timeout ${said}, not ${String(timeout)}.`);
}

/** Puts ids into a path; throws a Problem for an id that would lead to another path. */
export function filled(path: string, ids: Record<string, string> = {}): string {
  return path.replace(/{(\w+)}/g, (_, name: string) => {
    const id = ids[name] ?? "";
    // In a URL, dots cannot be escaped: `..` removes the part before it.
    if (!["", ".", ".."].includes(id)) return encodeURIComponent(id);
    throw new Problem(404, { title: "There is no such resource", detail: `No ${name} is "${id}".` });
  });
}

/** Sends calls to one bus. */
export class Transport {
  readonly #options: TransportOptions;

  /** Throws a ConfigurationError if the URL, the key or the timeout is not valid. */
  constructor(options: TransportOptions) {
    // Both may end with a line break, if they were read from a file.
    const url = String(options.url ?? "").trim().replace(/\/+$/, "");
    const apiKey = options.apiKey?.trim();
    // No runtime sends a request to a URL with a password, and paths are put behind this one.
    if (!/^https?:\/\/[^/?#@]+(\/[^?#]*)?$/.test(url) || !URL.canParse(url)) {
      const shown = url.replace(/\/\/.*@/, "//***@").replace(/(eb[kt]_)[^/\s]*/g, "$1***");
      throw new ConfigurationError(`The URL of the bus is not a valid URL: "${shown}".`);
    }
    if (apiKey && !/^[\x20-\x7e]+$/.test(apiKey)) {
      throw new ConfigurationError("The API key has characters that no key has; copy it again.");
    }
    this.#options = { ...options, url, apiKey, timeout: measurable(options.timeout) };
  }

  /**
   * The time limit, in milliseconds, of an attempt for which the bus waits `wait` seconds. The bus
   * refuses a wait that is not valid, and has the usual time for that.
   */
  timeoutFor(wait: unknown): number | undefined {
    if (typeof wait !== "number" || !(wait >= 0)) return undefined;
    return (Math.min(wait, MOST_ASKED) + ANSWERING) * 1_000;
  }

  /** Sends a request, and returns the JSON object that answers it; throws as `send` does. */
  async document(call: Call): Promise<Record<string, unknown>> {
    const answer = await this.send(call);
    if (typeof answer === "object" && answer !== null && !Array.isArray(answer)) {
      return answer as Record<string, unknown>;
    }
    throw unexpected(call, "no JSON object");
  }

  /**
   * Sends a request until it is answered, and returns the JSON or text that answers it; undefined if
   * the answer is empty. Throws a Problem or ConnectionFailed.
   */
  async send(call: Call): Promise<unknown> {
    // Each attempt sends the same, also if the program changes the body meanwhile.
    const body = call.body === undefined ? null : written(call.body);
    for (let attempt = 1; ; attempt += 1) {
      const answer = await this.#attempt(call, body).catch((error: unknown) => {
        if (call.signal?.aborted || error instanceof UnexpectedAnswer) throw error;
        return error instanceof Error ? error : new Error(String(error));
      });
      if (answer instanceof Response && answer.ok) return content(call, answer);
      const left = this.#options.attempts - attempt;
      const wait = left > 0 ? waitFor(call, answer, attempt, left) : undefined;
      if (wait === undefined) {
        if (answer instanceof Response) throw await refusal(answer);
        const said = `${call.method} ${call.path} got no answer in ${attempt} attempts: ${why(answer)}`;
        throw new ConnectionFailed(said, { cause: answer });
      }
      if (answer instanceof Response) await answer.body?.cancel();
      await pause(wait, call.signal);
      call.signal?.throwIfAborted();
    }
  }

  async #attempt(call: Call, body: string | null): Promise<Response> {
    const url = new URL(this.#options.url + call.path);
    for (const [name, value] of Object.entries(call.query ?? {})) {
      if (value === undefined || value === null) continue;
      url.searchParams.set(name, value instanceof Date ? value.toISOString() : String(value));
    }
    const headers: Record<string, string> = { accept: "application/json", ...call.headers };
    if (this.#options.apiKey) headers["x-api-key"] = this.#options.apiKey;
    if (body !== null) headers["content-type"] = "application/json";
    // A timer of its own: that of AbortSignal.timeout does not keep a program running.
    const limit = new AbortController();
    const timeout = call.timeout ?? this.#options.timeout;
    const late = () => limit.abort(new Error(`no complete answer within ${timeout / 1_000} s`));
    const timer = timeout === Infinity ? undefined : setTimeout(late, timeout);
    // A browser refuses a `fetch` that is called as the method of another object.
    const { fetch } = this.#options;
    try {
      const answer = await fetch(url, {
        method: call.method,
        headers,
        body,
        // A redirect is not followed, because it would send the key to another server.
        redirect: "manual",
        signal: call.signal ? AbortSignal.any([call.signal, limit.signal]) : limit.signal,
      });
      // An incomplete answer counts as no answer.
      const content = await contentOf(answer, call);
      const { status, headers: given } = answer;
      // A browser hides where a redirect leads, and its status.
      if (status === 0) throw new Error("the server redirects");
      return new Response(content.size ? content : null, { status, headers: given });
    } finally {
      clearTimeout(timer);
    }
  }
}

/** JSON as the bus takes it: it refuses U+FFFD itself, which may stand for bytes that were not UTF-8. */
function written(body: unknown): string {
  return JSON.stringify(body).replaceAll("\ufffd", "\\ufffd");
}

async function contentOf(answer: Response, call: Call): Promise<Blob> {
  const parts: Uint8Array<ArrayBuffer>[] = [];
  let size = 0;
  const reader = answer.body?.getReader();
  for (let part = await reader?.read(); part?.value; part = await reader?.read()) {
    size += part.value.length;
    if (size > LARGEST_ANSWER) {
      await reader?.cancel();
      const said = `${call.method} ${call.path} was answered with more than`;
      throw new UnexpectedAnswer(`${said} ${LARGEST_ANSWER} bytes`);
    }
    parts.push(part.value);
  }
  return new Blob(parts);
}

/** The milliseconds before the next attempt; undefined if the request is not sent again. */
function waitFor(
  call: Call,
  answer: Response | Error,
  attempt: number,
  left: number,
): number | undefined {
  const status = answer instanceof Response ? answer.status : undefined;
  const asked = answer instanceof Response ? retryAfter(answer.headers) : undefined;
  const grown = Math.min(LONGEST_WAIT, FIRST_WAIT * 2 ** (attempt - 1)) * Math.random();
  if (status === 409 && asked !== undefined && call.headers?.["idempotency-key"]) {
    // An earlier attempt is still being carried out. The last one comes when it has ended.
    return left > 1 ? grown : Math.min(LONGEST_WAIT, asked * 1000);
  }
  if (status !== undefined && !REPEATED.has(status)) return undefined;
  // What was refused by a limit was not carried out.
  if (call.repeatable === false && status !== 429) return undefined;
  if (asked !== undefined) {
    return asked * 1000 <= LONGEST_WAIT ? (asked + Math.random()) * 1000 : undefined;
  }
  return grown;
}

/** Why no answer came. The runtime tells it in the cause of an error that says only "fetch failed". */
function why(error: Error): string {
  const { cause } = error;
  const code = cause instanceof Error && "code" in cause ? String(cause.code) : "";
  return (cause instanceof Error && (cause.message || code)) || error.message;
}

async function content(call: Call, answer: Response): Promise<unknown> {
  const found = await read(answer);
  const type = answer.headers.get("content-type")?.split(";")[0]?.trim() ?? "no content type";
  // JSON that cannot be parsed is text.
  if (typeof found === "string" && !TEXTS.has(type)) throw unexpected(call, `${type}, not JSON`);
  return found;
}

function unexpected(call: Call, found: string): UnexpectedAnswer {
  const said = `${call.method} ${call.path} was answered with ${found}`;
  return new UnexpectedAnswer(`${said}. Is this the URL of the bus?`);
}

async function refusal(answer: Response): Promise<Problem> {
  const { status, headers } = answer;
  const place = headers.get("location");
  if (status < 300 || status >= 400 || place === null) {
    return new Problem(status, await read(answer), headers);
  }
  const detail = `This server does, to ${place.slice(0, 200)}`;
  return new Problem(status, { title: "The bus does not redirect", detail }, headers);
}

async function read(answer: Response): Promise<unknown> {
  const text = await answer.text();
  if (!text) return undefined;
  if (!(answer.headers.get("content-type") ?? "").includes("json")) return text;
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
