import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { answer } from "../child.ts";

/**
 * A DynamoDB that costs nothing: it asks the engine the first time, and repeats that answer to
 * every call that is alike. Puts are all alike, since each has ids of its own.
 */

interface Canned {
  status: number;
  headers: Record<string, string>;
  body: Buffer;
}

const canned = new Map<string, Promise<Canned>>();

async function ask(endpoint: string, req: IncomingMessage, body: Buffer): Promise<Canned> {
  const headers: Record<string, string> = {};
  for (const name of ["x-amz-target", "content-type", "authorization", "x-amz-date"]) {
    headers[name] = String(req.headers[name]);
  }
  const response = await fetch(endpoint, { method: "POST", headers, body: new Uint8Array(body) });
  const kept = ["content-type", "x-amzn-requestid", "x-amz-crc32"].flatMap((name) => {
    const value = response.headers.get(name);
    return value === null ? [] : [[name, value] as const];
  });
  const bytes = Buffer.from(await response.arrayBuffer());
  const length = { "content-length": String(bytes.length) };
  return {
    status: response.status,
    headers: { ...Object.fromEntries(kept), ...length },
    body: bytes,
  };
}

function start(endpoint: string): Promise<string> {
  const server = createServer((req, res) => {
    const chunks: Buffer[] = [];
    req.on("data", (chunk: Buffer) => chunks.push(chunk));
    req.on("end", () => {
      const body = Buffer.concat(chunks);
      const target = String(req.headers["x-amz-target"]);
      const key = target.endsWith("PutItem") ? target : `${target} ${body.toString()}`;
      const reply = canned.get(key) ?? ask(endpoint, req, body);
      canned.set(key, reply);
      reply.then(
        (known) => res.writeHead(known.status, known.headers).end(known.body),
        () => res.destroy(),
      );
    });
  });
  return new Promise((resolve) => {
    server.listen(0, "127.0.0.1", () => {
      resolve(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    });
  });
}

answer({ start });
