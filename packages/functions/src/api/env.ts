import type { IdempotentRequest } from "@stockwire/core/store/write";
import type { Authorizer, Caller, Gate } from "./caller.ts";
import type { Route } from "./route.ts";
import type { Topic } from "@stockwire/core/changes/topic";
import type { Context } from "hono";

/** What `/version` answers. */
export interface About {
  name: string;
  version: string;
  commit: string;
  stage: string;
  runtime: string;
}

/**
 * Answers with a stream of a topic's changes after a cursor, or from now on. `parameter` says where
 * the cursor came from. Throws `unauthenticated`, `invalid_cursor`, `cursor_expired`, `unavailable`.
 */
export type StreamChanges = (
  c: Context<Env>,
  topic: Topic,
  cursor: { since: string | undefined; parameter: string },
) => Promise<Response>;

/** What a request carries through the app. */
export interface Env {
  Bindings: {
    requestContext?: {
      requestId?: string;
      authorizer?: Authorizer;
      /** Where the API is mounted: the stage, or the mapping of a custom domain. */
      base?: string;
      /** Of the stage of a REST API, for `/version` only: they must not select a table. */
      stageVariables?: { lambdaAlias?: string; tableName?: string };
      client?: { sourceIp?: string; userAgent?: string };
    };
  };
  Variables: {
    about: About;
    /** Absent where a gateway has verified the caller. */
    gate: Gate | undefined;
    requestId: string;
    at: string; // ISO 8601, UTC, ms: the request's one clock read
    route: Route;
    caller: Caller;
    /** Undefined if this function's answers cannot be streamed. */
    streamChanges: StreamChanges | undefined;
    clientRef: string | undefined;
    idempotency: IdempotentRequest | undefined;
    /** Versions of If-Match; undefined if any version is accepted. */
    ifMatch: readonly number[] | undefined;
    /** ETags of If-None-Match, or `*`. */
    ifNoneMatch: readonly string[] | "*" | undefined;
  };
}
