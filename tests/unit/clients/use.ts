/** How the client is used, for the compiler: each marked line must be an error. */

import { EventBus, Problem, type components } from "./index.js";

const bus = new EventBus({ url: "https://bus.example", apiKey: "ebk_1" });

type Members = components["schemas"]["Problem"];
/** The members of a problem that the client calls by another name. */
type Renamed = {
  type: "kind";
  errors: "faults";
  request_id: "requestId";
  actual_version: "actualVersion";
};
type Name<N> = N extends keyof Renamed ? Renamed[N] : N;
type Missing = { [N in keyof Members]-?: Name<N> extends keyof Problem ? never : N }[keyof Members];
/** Does not compile if the client has no type for a member of a problem. */
export const complete: Missing extends never ? true : Missing = true;

export async function use(): Promise<string[]> {
  const receipt = await bus.publish({ type: "order.placed", payload: { total: 250 } });
  const event = await bus.request("GET", "/events/{id}", { ids: { id: receipt.id } });
  const made = await bus.request("POST", "/subscriptions", {
    body: { event_types: ["order.*"], target: { type: "pull" } },
  });
  const page = await bus.request("GET", "/events", { query: { type: "order.*", limit: 5 } });
  const found: components["schemas"]["Event"][] = [];
  for await (const received of bus.receive(made.id)) console.log(received.cursor);
  for await (const { event: sent, error } of bus.receive(made.id)) {
    if (error) console.log(error.code, error.detail);
    else console.log(sent.type, sent.payload, sent.metadata.correlation_id);
    // @ts-expect-error Without a look at the error, the event may be null.
    console.log(sent.type);
  }
  for await (const shaped of bus.receive<{ text: string }>(made.id)) {
    if (!shaped.error) console.log(shaped.event.text);
    // @ts-expect-error The transform makes something else of the event.
    if (!shaped.error) console.log(shaped.event.type);
  }

  for await (const letter of bus.list("/dead-letters", { query: { limit: 5 } })) {
    console.log(letter.subscription_id);
    // @ts-expect-error There is no such member.
    console.log(letter.colour);
  }
  const ids = { id: "evt_1" };
  for await (const each of bus.list("/events/{id}/matches", { ids })) console.log(each);
  // @ts-expect-error An event has an id.
  bus.list("/events/{id}/matches");
  // @ts-expect-error An event is no list.
  bus.list("/events/{id}", { ids: { id: "evt_1" } });
  // @ts-expect-error An inbox has no pages.
  bus.list("/subscriptions/{id}/events", { ids: { id: "sub_1" } });
  await bus.publish({ type: "order.placed" }, { signal: AbortSignal.timeout(1_000) });

  // @ts-expect-error An event has a type.
  await bus.publish({ payload: {} });
  // @ts-expect-error An event needs its id.
  await bus.request("GET", "/events/{id}");
  // @ts-expect-error There is no such path.
  await bus.request("GET", "/event");
  // @ts-expect-error There is no such operation.
  await bus.request("DELETE", "/events");
  // @ts-expect-error There is no such parameter.
  await bus.request("GET", "/events", { query: { kind: "order.*" } });
  // @ts-expect-error There is no such member.
  console.log(event.colour);
  return [event.id, ...page.items.map((each) => each.type), ...found.map((each) => each.id)];
}
