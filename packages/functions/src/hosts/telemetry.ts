/**
 * What can watch a service at work: tracing.ts and prometheus.ts do. A service without telemetry has
 * none of these calls.
 */

import type { Feed } from "@stockwire/core/catalog/index";
import type { Client } from "@stockwire/core/store/client";

/** A request that is being answered. */
export interface Exchange {
  readonly request: Request;
  /** Its method; `_OTHER` if it is none of HTTP's, so that clients cannot make up values. */
  readonly method: string;
  readonly client: { readonly sourceIp?: string; readonly userAgent?: string };
  /** The pattern of its route, once the router has found it: `/products/{id}`. */
  route?: string;
}

/** One attempt of a call to DynamoDB. */
export interface StoreCall {
  /** As DynamoDB names it: `GetItem`. */
  readonly operation: string;
  readonly tables: readonly string[];
}

/** A stream of changes to one reader. */
export interface ChangeStream {
  begin: () => void;
  /** Begins to send changes; the result is called when the reader has taken them. */
  send: (changes: number) => () => void;
  end: () => void;
}

/** Watches work without changing it: results and errors pass through. */
export interface Telemetry {
  request: (exchange: Exchange, run: () => Promise<Response>) => Promise<Response>;
  storeCall: <T>(call: StoreCall, run: () => Promise<T>) => Promise<T>;
  /** Called while the request is answered, so that what is sent later belongs to it. */
  changeStream: (feed: Feed) => ChangeStream;
}

/** One telemetry for all of them, the first one outside; undefined if there is none. */
export function combined(all: readonly Telemetry[]): Telemetry | undefined {
  const [first, ...others] = all;
  const rest = others.length === 0 ? undefined : combined(others);
  if (first === undefined || rest === undefined) return first;
  return {
    request: (exchange, run) => first.request(exchange, () => rest.request(exchange, run)),
    storeCall: (call, run) => first.storeCall(call, () => rest.storeCall(call, run)),
    changeStream(feed) {
      const [one, other] = [first.changeStream(feed), rest.changeStream(feed)];
      return {
        send(changes) {
          const ends = [one.send(changes), other.send(changes)];
          return () => ends.forEach((end) => end());
        },
        begin() {
          one.begin();
          other.begin();
        },
        end() {
          one.end();
          other.end();
        },
      };
    },
  };
}

/** The client with each of its calls watched. */
export const watched = (client: Client, { storeCall }: Telemetry): Client => ({
  send: (operation, input, options) =>
    storeCall({ operation, tables: tablesOf(input) }, () => client.send(operation, input, options)),
  close: () => client.close(),
});

interface Addressed {
  TableName?: string | undefined;
  /** Of a batch, by table. */
  RequestItems?: object | undefined;
  TransactItems?: readonly Readonly<Record<string, { TableName?: string } | undefined>>[];
}

function tablesOf(input: object): string[] {
  const { TableName, RequestItems = {}, TransactItems = [] } = input as Addressed;
  const ofTransaction = TransactItems.flatMap(Object.values).map(
    (write: { TableName?: string } | undefined) => write?.TableName,
  );
  const names = [TableName, ...Object.keys(RequestItems), ...ofTransaction];
  return [...new Set(names)].filter((name) => name !== undefined);
}

const METHODS: ReadonlySet<string> = new Set(
  "GET HEAD POST PUT PATCH DELETE OPTIONS TRACE CONNECT".split(" "),
);

/** https://opentelemetry.io/docs/specs/semconv/http/http-spans/ */
export const methodOf = ({ method }: Request): string => (METHODS.has(method) ? method : "_OTHER");
