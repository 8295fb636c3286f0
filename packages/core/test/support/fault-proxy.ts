import {
  createServer,
  request as forward,
  type IncomingMessage,
  type ServerResponse,
} from "node:http";
import type { AddressInfo } from "node:net";
import { buffer } from "node:stream/consumers";

/** What happens to one call. */
export type Fault =
  | "none"
  | "lost-reply" // applied, then the connection breaks
  | "silence" // never answered
  | "server-error" // not applied, 500
  | "applied-server-error" // applied, 500
  | "conflict" // not applied: a transaction writes the same item; engines never answer so
  | "throttled" // not applied: the partition or the table has no capacity left
  | "account-throttled" // not applied: the account has no capacity left
  | "in-progress" // not applied: a transaction with the same token is in progress
  | "empty-page" // a Query without items that is not at its end
  | "unprocessed"; // a BatchGetItem that reads none of its keys

type Decide = (operation: string, call: number) => Fault | Promise<Fault>;

export interface FaultyProxy {
  endpoint: string;
  /**
   * Decides the fault of each later call. The call waits for the decision; `call` counts from 1.
   */
  decide(fault: Decide): void;
  close(): Promise<void>;
}

/** The faults after which the same call may succeed, and which certainly had no effect. */
export const REFUSALS = ["conflict", "throttled", "account-throttled", "in-progress"] as const;

const ERRORS = {
  conflict: "TransactionConflictException",
  throttled: "ProvisionedThroughputExceededException",
  "account-throttled": "ThrottlingException",
  "in-progress": "TransactionInProgressException",
} as const;

/** The cancellation reasons that a transaction has instead of the errors of a single write. */
const REASONS: Readonly<Record<string, string>> = {
  conflict: "TransactionConflict",
  throttled: "ProvisionedThroughputExceeded",
};

/** Returns DynamoDB's answer to a call that it refuses. The reason is that of the first write. */
function refusal(fault: keyof typeof ERRORS, body: string): string {
  const { TransactItems } = JSON.parse(body) as { TransactItems?: unknown[] };
  const Code = REASONS[fault];
  const type = "com.amazonaws.dynamodb.v20120810#";
  if (Code === undefined || TransactItems === undefined)
    return JSON.stringify({ __type: type + ERRORS[fault], message: fault });
  const CancellationReasons = TransactItems.map((_, n) => ({ Code: n === 0 ? Code : "None" }));
  return JSON.stringify({
    __type: `${type}TransactionCanceledException`,
    message: `Transaction cancelled, please refer cancellation reasons for specific reasons [${Code}]`,
    CancellationReasons,
  });
}

const isRefusal = (fault: Fault): fault is keyof typeof ERRORS => Object.hasOwn(ERRORS, fault);

/** A proxy before a real engine that adds the faults of networks and services. */
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
    if (isRefusal(fault)) {
      response.writeHead(400).end(refusal(fault, (await buffer(request)).toString()));
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

/**
 * Returns the answer to a Query that has found nothing yet, which DynamoDB may give at any time.
 */
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
