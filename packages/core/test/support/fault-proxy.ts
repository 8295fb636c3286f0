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
  | "empty-page" // a Query without items that is not at its end
  | "unprocessed" // a batch of which nothing is read or written
  | Refusal
  | Bug
  | Outage;

/** DynamoDB's errors that say: not applied, the same call may succeed. */
export const REFUSALS = [
  "conflict", // a transaction writes the same item; engines never answer so
  "throttled", // the partition or the table has no capacity left
  "account-throttled", // the account has no capacity left
  "request-limited", // the account has reached its quota
  "in-progress", // a transaction with the same token is in progress
] as const;
type Refusal = (typeof REFUSALS)[number];

/** DynamoDB's errors that a correct request never gets, and that no repetition changes. */
export const BUGS = ["invalid", "too-large"] as const;
type Bug = (typeof BUGS)[number];

/** After these the caller cannot know whether the call was applied. */
export const OUTAGES = [
  "reset", // not applied, the connection breaks
  "lost-reply", // applied, then the connection breaks
  "late", // the connection breaks, and the call is only applied by `applyLate`
  "silence", // never answered
  "server-error", // not applied, 500
  "not-available", // not applied, 503
  "applied-server-error", // applied, 500
  "truncated", // applied, and half of the answer arrives before the connection breaks
  "garbled", // applied, and the answer is half of its JSON
  "wrong-checksum", // applied, and the answer's checksum is not that of its body
] as const;
type Outage = (typeof OUTAGES)[number];

type Decide = (operation: string, call: number) => Fault | Promise<Fault>;

export interface FaultyProxy {
  endpoint: string;
  /**
   * Decides the fault of each later call. The call waits for the decision; `call` counts from 1.
   */
  decide(fault: Decide): void;
  /** Makes the engine apply the calls that are late. */
  applyLate(): Promise<void>;
  close(): Promise<void>;
}

const ERRORS = {
  conflict: "TransactionConflictException",
  throttled: "ProvisionedThroughputExceededException",
  "account-throttled": "ThrottlingException",
  "request-limited": "RequestLimitExceeded",
  "in-progress": "TransactionInProgressException",
  invalid: "ValidationException",
  "too-large": "ValidationException",
} as const satisfies Record<Refusal | Bug, string>;

const isError = (fault: Fault): fault is keyof typeof ERRORS => Object.hasOwn(ERRORS, fault);

/**
 * The cancellation reasons that a transaction has instead of the errors of a single write.
 * https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html
 */
const REASONS: Readonly<Record<string, string>> = {
  conflict: "TransactionConflict",
  throttled: "ProvisionedThroughputExceeded",
  "account-throttled": "ThrottlingError",
  invalid: "ValidationError",
  "too-large": "ValidationError",
};

/** Returns DynamoDB's answer to a call that it refuses. The reason is that of the first write. */
function refusal(fault: keyof typeof ERRORS, body: string): string {
  const { TransactItems } = JSON.parse(body) as { TransactItems?: unknown[] };
  const Code = REASONS[fault];
  const type = "com.amazonaws.dynamodb.v20120810#";
  const message = fault === "too-large" ? TOO_LARGE : fault;
  if (Code === undefined || TransactItems === undefined)
    return JSON.stringify({ __type: type + ERRORS[fault], message });
  const CancellationReasons = TransactItems.map((_, n) =>
    n === 0 ? { Code, Message: message } : { Code: "None" },
  );
  return JSON.stringify({
    __type: `${type}TransactionCanceledException`,
    message: `Transaction cancelled, please refer cancellation reasons for specific reasons [${Code}]`,
    CancellationReasons,
  });
}

const TOO_LARGE = "Item size has exceeded the maximum allowed size";

/** Returns the answer to a batch of which DynamoDB has read or written nothing. */
function unprocessed(body: string): string {
  const { RequestItems } = JSON.parse(body) as { RequestItems: Record<string, object> };
  const writes = Object.values(RequestItems).some(Array.isArray);
  return JSON.stringify(
    writes ? { UnprocessedItems: RequestItems } : { Responses: {}, UnprocessedKeys: RequestItems },
  );
}

/** A proxy before a real engine that adds the faults of networks and services. */
export async function faultyProxy(engine: string): Promise<FaultyProxy> {
  let decide: Decide = () => "none";
  let calls = 0;
  let late: (() => Promise<unknown>)[] = [];
  const { hostname, port: enginePort } = new URL(engine);

  const send = (request: IncomingMessage, body: Buffer) =>
    new Promise<{ status: number; headers: IncomingMessage["headers"]; answer: Buffer }>(
      (resolve, reject) => {
        const { method, url: path, headers } = request;
        const options = { hostname, port: enginePort, method, path, headers };
        const onward = forward(options, (reply) => {
          const { statusCode: status = 502, headers: replied } = reply;
          buffer(reply).then((answer) => resolve({ status, headers: replied, answer }), reject);
        });
        onward.on("error", reject).end(body);
      },
    );

  const pass = async (request: IncomingMessage, response: ServerResponse) => {
    const operation = String(request.headers["x-amz-target"]).split(".")[1] ?? "";
    const fault = await decide(operation, ++calls);
    const body = await buffer(request);
    const fail = (status: number, type: string) =>
      response.writeHead(status).end(JSON.stringify({ __type: type }));

    const answerOnly: Partial<Record<Fault, () => unknown>> = {
      "empty-page": () => response.end(emptyPage(body.toString())),
      unprocessed: () => response.end(unprocessed(body.toString())),
      "server-error": () => fail(500, "InternalServerError"),
      "not-available": () => fail(503, "ServiceUnavailable"),
      silence: () => undefined,
      reset: () => request.socket.destroy(),
      late: () => {
        late.push(() => send(request, body));
        request.socket.destroy();
      },
    };
    if (isError(fault)) {
      response.writeHead(400).end(refusal(fault, body.toString()));
      return;
    }
    const answerAlone = answerOnly[fault];
    if (answerAlone) {
      answerAlone();
      return;
    }

    const { status, headers, answer } = await send(request, body);
    if (fault === "lost-reply") request.socket.destroy();
    else if (fault === "applied-server-error") fail(500, "InternalServerError");
    else if (fault === "truncated") {
      response.writeHead(status, { ...headers, "content-length": answer.length });
      response.write(answer.subarray(0, answer.length / 2), () => request.socket.destroy());
    } else if (fault === "garbled") {
      const { "content-length": _, "x-amz-crc32": __, ...others } = headers;
      response.writeHead(status, others).end(answer.subarray(0, answer.length / 2));
    } else if (fault === "wrong-checksum") {
      response.writeHead(status, { ...headers, "x-amz-crc32": "1" }).end(answer);
    } else response.writeHead(status, headers).end(answer);
  };

  const server = createServer((request, response) => {
    pass(request, response).catch(() => request.socket.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    endpoint: `http://127.0.0.1:${port}`,
    decide(fault) {
      decide = fault;
      calls = 0;
      late = [];
    },
    applyLate: async () => {
      await Promise.all(late.splice(0).map((apply) => apply()));
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
function emptyPage(body: string): string {
  const { ExpressionAttributeValues: values, ScanIndexForward: ascending } = JSON.parse(body) as {
    ExpressionAttributeValues: Record<string, { S: string }>;
    ScanIndexForward: boolean;
  };
  const sk = values[":after"] ?? { S: ascending ? " " : "~" };
  return JSON.stringify({
    Items: [],
    Count: 0,
    LastEvaluatedKey: { pk: values[":partition"], sk },
  });
}
