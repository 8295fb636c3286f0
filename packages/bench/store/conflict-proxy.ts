/**
 * A proxy before the engine that adds AWS's rule for transactions, which no engine has: while a
 * transaction is in progress, every other write of one of its items is refused.
 * https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis.html
 */

import {
  createServer,
  type IncomingMessage,
  request as forward,
  type ServerResponse,
} from "node:http";
import type { AddressInfo } from "node:net";
import { buffer } from "node:stream/consumers";
import { setTimeout as pause } from "node:timers/promises";

/** Ms that a call takes at AWS, at random between the two. */
const SINGLE = [2, 4] as const;
const TRANSACTION = [6, 12] as const;

type Key = Record<"pk" | "sk", { S: string }>;
interface Action {
  Key?: Key;
  Item?: Key;
}

const nameOf = ({ Key, Item }: Action): string => {
  const key = Key ?? Item;
  return `${key?.pk.S} ${key?.sk.S}`;
};
const between = ([from, to]: readonly [number, number]) =>
  pause(from + Math.random() * (to - from));

export async function conflictProxy(engine: string) {
  const { hostname, port } = new URL(engine);
  const held = new Set<string>();

  const pass = async (request: IncomingMessage, response: ServerResponse) => {
    const body = await buffer(request);
    const operation = String(request.headers["x-amz-target"]).split(".")[1] ?? "";
    const input = JSON.parse(body.toString()) as Action & {
      TransactItems?: Record<string, Action>[];
    };
    const items = input.TransactItems?.flatMap((each) => Object.values(each).map(nameOf));
    const written = items ?? (/^(Put|Update|Delete)Item$/.test(operation) ? [nameOf(input)] : []);
    if (written.some((name) => held.has(name))) {
      const answer = conflict(items?.map((name) => held.has(name)));
      await between(SINGLE);
      response.writeHead(400).end(answer);
      return;
    }
    for (const name of items ?? []) held.add(name);
    try {
      await between(items ? TRANSACTION : SINGLE);
      const options = { hostname, port, method: "POST", path: "/", headers: request.headers };
      const { status, answer } = await send(options, body);
      response.writeHead(status).end(answer);
    } finally {
      for (const name of items ?? []) held.delete(name);
    }
  };

  const server = createServer((request, response) => {
    pass(request, response).catch(() => request.socket.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address() as AddressInfo;
  return {
    endpoint: `http://127.0.0.1:${address.port}`,
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}

/** The answer to a refused write; `items` says which items of a transaction conflict. */
const conflict = (items: readonly boolean[] | undefined): string => {
  const type = "com.amazonaws.dynamodb.v20120810#";
  if (items === undefined) return JSON.stringify({ __type: `${type}TransactionConflictException` });
  const CancellationReasons = items.map((is) => ({ Code: is ? "TransactionConflict" : "None" }));
  return JSON.stringify({ __type: `${type}TransactionCanceledException`, CancellationReasons });
};

const send = (options: object, body: Buffer) =>
  new Promise<{ status: number; answer: Buffer }>((resolve, reject) => {
    const onward = forward(options, (reply) => {
      buffer(reply).then((answer) => resolve({ status: reply.statusCode ?? 502, answer }), reject);
    });
    onward.on("error", reject).end(body);
  });
