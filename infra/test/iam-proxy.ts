import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import type { Statement } from "./stack.ts";

/**
 * A proxy in front of the engine that enforces a role's permissions on tables, as IAM does, and
 * records which of them were used. So a test can tell that a role allows neither too little nor
 * too much.
 */
export interface IamProxy {
  endpoint: string;
  /** Permissions, each as `dynamodb:<action> <table>[/index/<index>]`. */
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

/** The action that each part of a transaction requires. */
const IN_TRANSACTIONS: Readonly<Record<string, string>> = {
  Put: "PutItem",
  Update: "UpdateItem",
  Delete: "DeleteItem",
  ConditionCheck: "ConditionCheckItem",
};

/** The permissions that a call requires. */
function requiredBy(operation: string, body: Body): string[] {
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

/** The permissions on tables that statements grant, with the engine's names of the tables. */
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

export async function startIamProxy(
  engine: string,
  grants: ReadonlySet<string>,
): Promise<IamProxy> {
  const used = new Set<string>();
  const refused = new Set<string>();
  const answer = async (req: IncomingMessage, res: ServerResponse) => {
    const body = await text(req);
    const target = String(req.headers["x-amz-target"] ?? "");
    const required = requiredBy(target.split(".")[1] ?? "", JSON.parse(body) as Body);
    const denied = required.filter((each) => !grants.has(each));
    for (const each of required) (denied.includes(each) ? refused : used).add(each);
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
