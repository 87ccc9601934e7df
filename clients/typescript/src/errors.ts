/** What the client throws. */

import type { Schemas } from "./types.js";

/** One member of a request that is wrong. */
export type Fault = Schemas["Fault"];

/** The bus refused a request (RFC 9457). */
export class Problem extends Error {
  override readonly name = "Problem";
  /** The last part of the problem's type, such as `invalid-request`. */
  readonly kind: string;
  readonly status: number;
  readonly title: string;
  readonly detail: string;
  /** The members that are wrong, if single members are. */
  readonly faults: readonly Fault[];
  /** Finds the request in the logs of the bus. */
  readonly requestId: string | undefined;
  /** The seconds to wait before the request is sent again, if the answer says so. */
  readonly retryAfter: number | undefined;
  /** In a version conflict, the version of the last event of the stream. */
  readonly actualVersion: number | undefined;
  /** The path of the request. */
  readonly instance: string | undefined;

  constructor(status: number, document: unknown, headers = new Headers()) {
    const members: Partial<Schemas["Problem"]> & { message?: string } =
      typeof document === "object" && document !== null ? document : {};
    const title = members.title ?? members.message ?? "The request failed";
    const isGateways = members.message !== undefined && !members.type;
    const detail = isGateways ? ofGateway(status) : (members.detail ?? "");
    super(`${status} ${title}${detail ? `: ${detail}` : ""}`);
    this.kind = String(members.type ?? "").split(":").at(-1) ?? "";
    this.status = status;
    this.title = title;
    this.detail = detail;
    this.faults = members.errors ?? [];
    this.requestId = members.request_id ?? headers.get("apigw-requestid") ?? undefined;
    this.retryAfter = retryAfter(headers);
    this.actualVersion = members.actual_version;
    this.instance = members.instance;
  }
}

const NOT_CALLED = " It could not call the bus, or got no answer from it.";
const ELSEWHERE = " Is this the URL of the bus?";
/** What API Gateway means by an answer of its own, by status. */
const GATEWAY: Readonly<Record<number, string>> = {
  403: ELSEWHERE,
  404: ELSEWHERE,
  429: " All requests to the bus together are too many.",
  500: NOT_CALLED,
  503: NOT_CALLED,
  504: NOT_CALLED,
};

function ofGateway(status: number): string {
  return `API Gateway gave this answer, not the bus.${GATEWAY[status] ?? ""}`;
}

/** The seconds in the answer's `Retry-After`; undefined if it has no number. */
export function retryAfter(headers: Headers): number | undefined {
  const seconds = Number(headers.get("retry-after")?.trim() || Number.NaN);
  return seconds >= 0 && Number.isFinite(seconds) ? seconds : undefined;
}

/** The URL of the bus, its key, or a duration is not valid. */
export class ConfigurationError extends Error {
  override readonly name = "ConfigurationError";
}

/** No answer came, after all retries. The request may have been carried out. */
export class ConnectionFailed extends Error {
  override readonly name: string = "ConnectionFailed";
}

/** The answer is not one of the bus: another server, or something between, may have given it. */
export class UnexpectedAnswer extends ConnectionFailed {
  override readonly name = "UnexpectedAnswer";
}
