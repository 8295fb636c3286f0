/**
 * A DynamoDB that takes almost no time: it forwards a call to the engine once and then repeats the
 * response to each equal call. All puts count as equal, because each has its own id.
 */

import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { serve } from "../child.ts";

interface Recorded {
  status: number;
  headers: Record<string, string>;
  body: Buffer;
}

const responses = new Map<string, Promise<Recorded>>();

async function forward(endpoint: string, req: IncomingMessage, body: Buffer): Promise<Recorded> {
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
      const response = responses.get(key) ?? forward(endpoint, req, body);
      responses.set(key, response);
      response.then(
        (recorded) => res.writeHead(recorded.status, recorded.headers).end(recorded.body),
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

serve({ start });
