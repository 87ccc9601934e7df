/** What each operation takes and answers, read from the OpenAPI document. */

import type { components, paths } from "./schema.js";

/** The methods of the API. */
export type Method = "GET" | "POST" | "PUT" | "PATCH" | "DELETE";

/** The paths that have an operation of this method. */
export type Path<M extends Method> = {
  [P in keyof paths]: paths[P] extends Record<Lowercase<M>, { responses: unknown }> ? P : never;
}[keyof paths];

type Operation<M extends Method, P extends keyof paths> = paths[P][Lowercase<M> & keyof paths[P]];

type Content<R> = R extends { content: infer C } ? C[keyof C] : undefined;

type Succeeded<R> = { [S in keyof R]: S extends 200 | 201 | 202 | 204 | 207 ? Content<R[S]> : never };

/** The answer of an operation that succeeds. */
export type Answer<M extends Method, P extends keyof paths> =
  Operation<M, P> extends { responses: infer R } ? Succeeded<R>[keyof Succeeded<R>] : never;

/** The body that an operation takes. */
export type Body<M extends Method, P extends keyof paths> =
  Operation<M, P> extends { requestBody?: infer B }
    ? NonNullable<B> extends { content: { "application/json": infer T } }
      ? T
      : undefined
    : undefined;

/** The query parameters that an operation takes. */
export type Query<M extends Method, P extends keyof paths> =
  Operation<M, P> extends { parameters: { query?: infer Q } } ? Q : undefined;

/** The paths of lists, which come in pages. */
export type ListPath = {
  [P in Path<"GET">]: Answer<"GET", P> extends { items: unknown[]; next_cursor: string | null }
    ? P
    : never;
}[Path<"GET">];

/** What a list has. */
export type Item<P extends keyof paths> =
  Answer<"GET", P> extends { items: (infer T)[] } ? T : never;

type Ids<P> = P extends `${string}{${infer Name}}${infer Rest}`
  ? { [N in Name]: string } & Ids<Rest>
  : unknown;

/** What a request needs beside its method and path. */
export type RequestOptions<M extends Method, P extends keyof paths> = {
  /** Query parameters. */
  query?: Query<M, P>;
  /** The body. */
  body?: Body<M, P>;
  /** Ends the request. */
  signal?: AbortSignal;
} & (P extends `${string}{${string}` ? { ids: Ids<P> } : { ids?: undefined });

/** The schemas of the API, by name. */
export type Schemas = components["schemas"];
