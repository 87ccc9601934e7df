/** Verifies what the bus delivers by HTTP (https://www.standardwebhooks.com). */

import type { Schemas } from "./types.js";

/** A webhook is not signed by the secret, or is too old. */
export class SignatureError extends Error {
  override readonly name = "SignatureError";
}

/** How old a webhook may be, and how far ahead of the clock. */
const TOLERANCE_SECONDS = 300;

/** Verifies webhooks by their secret. While it is being replaced, pass the old one and the new one. */
export class Webhook {
  readonly #secrets: Uint8Array<ArrayBuffer>[];
  readonly #clock: () => number;

  /**
   * @param secrets One secret, or several of which one must fit; each begins with `whsec_`.
   * @param clock Returns the time in Unix seconds.
   */
  constructor(secrets: string | string[], clock: () => number = () => Date.now() / 1000) {
    this.#secrets = [secrets].flat().map((secret) => bytes(secret.replace(/^whsec_/, "")));
    if (this.#secrets.some((secret) => secret.length === 0) || this.#secrets.length === 0) {
      throw new SignatureError("A signing secret is whsec_ and base64.");
    }
    this.#clock = clock;
  }

  /**
   * Verifies a webhook and reads its event.
   *
   * @param headers The request's headers, in any case of letters.
   * @param body The request's body as it came, before any parsing.
   * @throws SignatureError A header is missing, no signature fits, the webhook is too old, or the
   *   body is not an event. If the subscription has a transform, use `check`.
   */
  async verify(headers: GivenHeaders, body: string): Promise<Schemas["DeliveredEvent"]> {
    await this.check(headers, body);
    return read(body);
  }

  /**
   * Verifies the signature alone, of a body of any form.
   *
   * @param headers The request's headers, in any case of letters.
   * @param body The request's body as it came; pass its bytes if it may be other than text.
   * @returns The `webhook-id`: the same each time that a delivery is repeated.
   * @throws SignatureError A header is missing, no signature fits, or the webhook is too old.
   */
  async check(headers: GivenHeaders, body: string | Uint8Array): Promise<string> {
    const given = headers instanceof Headers ? [...headers] : Object.entries(headers);
    const lower = new Map(given.map(([name, value]) => [name.toLowerCase(), value]));
    const [id, at, signatures] = ["id", "timestamp", "signature"].map((name) => {
      const value = lower.get(`webhook-${name}`);
      if (typeof value !== "string") throw new SignatureError(`webhook-${name} is missing.`);
      return value;
    }) as [string, string, string];
    if (!/^\d{1,12}$/.test(at) || Math.abs(this.#clock() - Number(at)) > TOLERANCE_SECONDS) {
      throw new SignatureError("The webhook is too old, or this machine's clock is wrong.");
    }
    const signed = joined(`${id}.${at}.`, body);
    for (const signature of signatures.split(" ")) {
      const [version, encoded] = signature.split(",");
      if (version !== "v1" || encoded === undefined) continue;
      for (const secret of this.#secrets) {
        if (await fits(secret, bytes(encoded), signed)) return id;
      }
    }
    throw new SignatureError("No signature fits: the secret is another, or the body changed.");
  }
}

type GivenHeaders = Headers | Record<string, string | string[] | undefined>;

function read(body: string): Schemas["DeliveredEvent"] {
  let event;
  try {
    event = JSON.parse(body);
  } catch {
    event = null;
  }
  if (typeof event?.id === "string" && typeof event.type === "string") return event;
  throw new SignatureError(
    "The body is signed, but it is not an event. If the subscription has a transform, use check.",
  );
}

function joined(start: string, body: string | Uint8Array): Uint8Array<ArrayBuffer> {
  const encoder = new TextEncoder();
  const head = encoder.encode(start);
  const rest = typeof body === "string" ? encoder.encode(body) : body;
  const all = new Uint8Array(head.length + rest.length);
  all.set(head);
  all.set(rest, head.length);
  return all;
}

async function fits(
  secret: Uint8Array<ArrayBuffer>,
  signature: Uint8Array<ArrayBuffer>,
  signed: Uint8Array<ArrayBuffer>,
): Promise<boolean> {
  const algorithm = { name: "HMAC", hash: "SHA-256" };
  const key = await crypto.subtle.importKey("raw", secret, algorithm, false, ["verify"]);
  // Compared in constant time.
  return crypto.subtle.verify("HMAC", key, signature, signed);
}

function bytes(base64: string): Uint8Array<ArrayBuffer> {
  try {
    return Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
  } catch {
    return new Uint8Array(0);
  }
}
