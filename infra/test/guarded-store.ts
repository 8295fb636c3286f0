import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import type { Statement } from "./stack.ts";

/**
 * The engine behind a door that lets through what a role allows, as IAM does, and notes what was
 * used: so that a role is seen to allow what its function needs, and nothing besides.
 */
export interface GuardedStore {
  endpoint: string;
  used: Set<string>;
  refused: Set<string>;
  stop: () => void;
}

interface Body {
  TableName?: string;
  IndexName?: string;
  RequestItems?: Record<string, unknown>;
  TransactItems?: Record<string, { TableName: string }>[];
}

/** What each part of a transaction needs to be allowed. */
const IN_TRANSACTIONS: Readonly<Record<string, string>> = {
  Put: "PutItem",
  Update: "UpdateItem",
  Delete: "DeleteItem",
  ConditionCheck: "ConditionCheckItem",
};

/** `dynamodb:<action> <table>[/index/<index>]` of all that a call does. */
function needs(operation: string, body: Body): string[] {
  if (body.TransactItems) {
    return body.TransactItems.flatMap((item) =>
      Object.entries(item).map(
        ([kind, { TableName }]) => `dynamodb:${IN_TRANSACTIONS[kind] ?? kind} ${TableName}`,
      ),
    );
  }
  const tables = body.TableName ? [body.TableName] : Object.keys(body.RequestItems ?? {});
  const index = body.IndexName ? `/index/${body.IndexName}` : "";
  return tables.map((table) => `dynamodb:${operation} ${table}${index}`);
}

/** What statements allow on tables, by the names that the engine has for them. */
export const grantsOf = (statements: readonly Statement[], names: ReadonlyMap<string, string>) =>
  new Set(
    statements.flatMap(({ Action, Resource }) =>
      Resource.flatMap((resource) => {
        const [, table = "", rest = ""] = /:table\/([^/]+)(\/index\/\w+)?$/.exec(resource) ?? [];
        const name = names.get(table);
        return name === undefined ? [] : Action.map((action) => `${action} ${name}${rest}`);
      }),
    ),
  );

export async function guard(engine: string, grants: ReadonlySet<string>): Promise<GuardedStore> {
  const used = new Set<string>();
  const refused = new Set<string>();
  const answer = async (req: IncomingMessage, res: ServerResponse) => {
    const body = await text(req);
    const target = String(req.headers["x-amz-target"] ?? "");
    const wanted = needs(target.split(".")[1] ?? "", JSON.parse(body) as Body);
    const denied = wanted.filter((each) => !grants.has(each));
    for (const each of wanted) (denied.includes(each) ? refused : used).add(each);
    if (denied.length > 0) {
      const type = "com.amazon.coral.service#AccessDeniedException";
      res.writeHead(400, { "content-type": "application/x-amz-json-1.0" });
      res.end(JSON.stringify({ __type: type, Message: `not authorized: ${denied.join(", ")}` }));
      return;
    }
    const { host: _, connection: __, ...headers } = req.headers;
    const reply = await fetch(engine, {
      method: "POST",
      headers: headers as Record<string, string>,
      body,
    });
    res.writeHead(reply.status, {
      "content-type": reply.headers.get("content-type") ?? "application/x-amz-json-1.0",
    });
    res.end(Buffer.from(await reply.arrayBuffer()));
  };
  const server = createServer((req, res) => void answer(req, res));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    endpoint: `http://127.0.0.1:${port}`,
    used,
    refused,
    stop: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}
