/**
 * The index at `/`, which leads to what the laptop serves: a page for browsers, JSON for other clients. It
 * is not part of AWS, where `/` is the API's 404.
 */

import type { IncomingMessage } from "node:http";
import type { HttpService } from "./listener.ts";

const TOKEN = "npm run -s token -- --scope admin";

const PAGE = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>Stockwire</title>
<link rel="icon" href="data:,">
<h1>Stockwire on this machine</h1>
<ul>
<li><a href="/console">Console</a></li>
<li><a href="/docs/guide">Guide</a></li>
<li><a href="/docs">API reference</a>, <a href="/openapi.json">OpenAPI</a>, <a href="/asyncapi.json">AsyncAPI</a></li>
<li><a href="/ready">Is it ready?</a> <a href="/version">Version</a></li>
</ul>
<p>A token for other requests: <code>${TOKEN}</code></p>
</html>
`;

/** Paths below the server's URL, and a command. */
const INDEX = `${JSON.stringify(
  {
    console: "/console",
    reference: "/docs",
    openapi: "/openapi.json",
    asyncapi: "/asyncapi.json",
    ready: "/ready",
    version: "/version",
    live: "/live",
    partner: "/partner",
    token: TOKEN,
  },
  undefined,
  2,
)}\n`;

const HEADERS = {
  vary: "accept",
  "cache-control": "no-store",
  "content-security-policy": "default-src 'none'; img-src data:; frame-ancestors 'none'",
  "x-content-type-options": "nosniff",
};

/** Answers `GET /`. */
export const indexPage: HttpService = {
  handle(req, res) {
    if (req.method !== "GET" || !/^\/(?:\?|$)/.test(req.url ?? "")) return false;
    const [type, body] = isBrowser(req) ? ["text/html", PAGE] : ["application/json", INDEX];
    res
      .writeHead(200, {
        ...HEADERS,
        "content-type": `${type}; charset=utf-8`,
        "content-length": Buffer.byteLength(body),
      })
      .end(body);
    return true;
  },
};

const isBrowser = (req: IncomingMessage): boolean =>
  /\btext\/html\b/i.test(req.headers.accept ?? "");
