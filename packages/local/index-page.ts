/**
 * The page at `/` for browsers, which leads to what the laptop serves. It is not part of AWS: other
 * clients get the API's 404, as on a stage.
 */

import type { HttpService } from "./listener.ts";

const PAGE = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>Stockwire</title>
<link rel="icon" href="data:,">
<h1>Stockwire on this machine</h1>
<ul>
<li><a href="/console">Console</a></li>
<li><a href="/docs">API reference</a>, <a href="/openapi.json">OpenAPI</a>, <a href="/asyncapi.json">AsyncAPI</a></li>
<li><a href="/ready">Is it ready?</a> <a href="/version">Version</a></li>
</ul>
<p>A token for other requests: <code>npm run -s token -- --scope admin</code></p>
</html>
`;

const HEADERS = {
  "content-type": "text/html; charset=utf-8",
  "content-length": Buffer.byteLength(PAGE),
  "cache-control": "no-store",
  "content-security-policy": "default-src 'none'; img-src data:; frame-ancestors 'none'",
  "x-content-type-options": "nosniff",
};

/** Answers `GET /` of a client that accepts HTML. */
export const indexPage: HttpService = {
  handle(req, res) {
    const isIndex = req.method === "GET" && /^\/(?:\?|$)/.test(req.url ?? "");
    if (!isIndex || !/\btext\/html\b/i.test(req.headers.accept ?? "")) return false;
    res.writeHead(200, HEADERS).end(PAGE);
    return true;
  },
};
