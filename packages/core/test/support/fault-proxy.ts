import {
  createServer,
  request as forward,
  type IncomingMessage,
  type ServerResponse,
} from "node:http";
import type { AddressInfo } from "node:net";
import { buffer } from "node:stream/consumers";

/**
 * What becomes of one call; an empty page is one that says that there is more, and of a batch that
 * is unprocessed nothing is read.
 */
export type Fault =
  | "none"
  | "lost-reply"
  | "silence"
  | "server-error"
  | "applied-server-error"
  | "empty-page"
  | "unprocessed";

type Decide = (operation: string, call: number) => Fault | Promise<Fault>;

export interface FaultyProxy {
  endpoint: string;
  /** Decides the fault of each call from now on, and when it goes on; `call` counts from 1. */
  decide(fault: Decide): void;
  close(): Promise<void>;
}

/** Stands before a real engine and does to its answers what networks and services do. */
export async function faultyProxy(engine: string): Promise<FaultyProxy> {
  let decide: Decide = () => "none";
  let calls = 0;
  const upstream = new URL(engine);
  const server = createServer((request, response) => void pass(request, response));
  const pass = async (request: IncomingMessage, response: ServerResponse) => {
    const operation = String(request.headers["x-amz-target"]).split(".")[1] ?? "";
    const fault = await decide(operation, ++calls);
    const fail = () => response.writeHead(500).end('{"__type":"InternalServerError"}');
    if (fault === "silence" || fault === "server-error") {
      request.resume();
      if (fault === "server-error") fail();
      return;
    }
    if (fault === "empty-page") {
      response.end(await emptyPage(request));
      return;
    }
    if (fault === "unprocessed") {
      const { RequestItems } = JSON.parse((await buffer(request)).toString()) as object & {
        RequestItems: unknown;
      };
      response.end(JSON.stringify({ Responses: {}, UnprocessedKeys: RequestItems }));
      return;
    }
    const { hostname, port } = upstream;
    const options = { hostname, port, method: request.method, path: request.url };
    const finish = async (answer: IncomingMessage) => {
      const body = await buffer(answer);
      if (fault === "lost-reply") request.socket.destroy();
      else if (fault === "applied-server-error") fail();
      else response.writeHead(answer.statusCode ?? 502, answer.headers).end(body);
    };
    const onward = forward(
      { ...options, headers: request.headers },
      (answer) => void finish(answer),
    );
    onward.on("error", () => request.socket.destroy());
    request.on("error", () => onward.destroy());
    request.pipe(onward);
  };
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    endpoint: `http://127.0.0.1:${port}`,
    decide(fault) {
      decide = fault;
      calls = 0;
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** The answer to a Query that has read on without finding anything, as DynamoDB may at any time. */
async function emptyPage(request: IncomingMessage): Promise<string> {
  const { ExpressionAttributeValues: values, ScanIndexForward: ascending } = JSON.parse(
    (await buffer(request)).toString(),
  ) as { ExpressionAttributeValues: Record<string, { S: string }>; ScanIndexForward: boolean };
  const sk = values[":after"] ?? { S: ascending ? " " : "~" };
  return JSON.stringify({
    Items: [],
    Count: 0,
    LastEvaluatedKey: { pk: values[":partition"], sk },
  });
}
