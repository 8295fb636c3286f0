import { type IncomingHttpHeaders, request } from "node:http";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Listening, listenOnLoopback } from "@stockwire/gateway/server";
import type { Asset, Build } from "./build.ts";
import { createConsole } from "./console.ts";

const asset = (type: string, text: string): Asset => ({
  type,
  plain: { etag: `"${text.length}"`, body: Buffer.from(text) },
});
const LONG = "export const a = 1;\n".repeat(100);
const PACKED = { etag: '"packed"', body: gzipSync(LONG) };
const ready: Build = {
  state: "ready",
  page: asset("text/html; charset=utf-8", "<!doctype html>"),
  assets: new Map([
    ["assets/index.js", asset("text/javascript; charset=utf-8", "export {};")],
    ["assets/page.js", { ...asset("text/javascript; charset=utf-8", LONG), gzip: PACKED }],
  ]),
};
let build: Build = ready;
let looks = 0; // at the sources

let server: Listening;
beforeAll(async () => {
  const pages = createConsole({
    builder: {
      current() {
        looks++;
        return build;
      },
      stop: () => undefined,
    },
    sign: ({ claims, ttl }) => JSON.stringify({ ...claims, ttl }),
    scopes: ["read:users", "admin"],
  });
  server = await listenOnLoopback({
    port: 0,
    handle: (req, res) => {
      if (!pages.handle(req, res)) res.writeHead(418).end();
    },
  });
});
afterAll(() => server.close());

interface Answer {
  status: number | undefined;
  headers: IncomingHttpHeaders;
  text: string;
}

/** Sends a request without normalizing its path or headers. */
const send = (method: string, path: string, headers: object = {}, body?: string) =>
  new Promise<Answer>((resolve, reject) => {
    const options = { host: "127.0.0.1", port: server.port, method, path, headers: { ...headers } };
    const req = request(options, (res) => {
      let text = "";
      res.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
      res.on("end", () => resolve({ status: res.statusCode, headers: res.headers, text }));
    });
    req.on("error", reject).end(body);
  });

describe("files", () => {
  test("the page is revalidated, assets are cached for ever, and any other path is 404", async () => {
    for (const path of ["/console", "/console/", "/console?api=https://a.example"]) {
      const { status, headers, text } = await send("GET", path);
      expect({ status, text }).toEqual({ status: 200, text: "<!doctype html>" });
      expect(headers).toMatchObject({
        "content-type": "text/html; charset=utf-8",
        "cache-control": "no-cache",
        "x-content-type-options": "nosniff",
        "x-frame-options": "DENY",
      });
      expect((await send("GET", path, { "if-none-match": headers.etag })).status).toBe(304);
    }
    const script = await send("GET", "/console/assets/index.js");
    expect(script.headers["content-type"]).toBe("text/javascript; charset=utf-8");
    expect(script.headers["cache-control"]).toContain("immutable");
    expect((await send("HEAD", "/console/assets/index.js")).text).toBe("");

    for (const path of [
      "/console/assets/",
      "/console/assets/../assets/index.js",
      "/console/../package.json",
      "/console/%2e%2e/package.json",
      "/console/assets/..%2findex.html",
      "/console//etc/passwd",
      "/console/assets/index.js/",
      "/console/token",
    ]) {
      expect(await send("GET", path), path).toMatchObject({ status: 404 });
    }
    expect(await send("POST", "/console")).toMatchObject({
      status: 405,
      headers: expect.objectContaining({ allow: "GET, HEAD" }) as IncomingHttpHeaders,
    });
    for (const path of ["/consoles", "/users", "/"]) {
      expect((await send("GET", path)).status, path).toBe(418);
    }
  });

  test("a long file is packed for a client that accepts gzip, under a tag of its own", async () => {
    const path = "/console/assets/page.js";
    const of = async (encodings?: string) => {
      const headers = encodings === undefined ? {} : { "accept-encoding": encodings };
      const answer = await send("GET", path, headers);
      expect(answer.headers.vary).toBe("Accept-Encoding");
      return answer.headers["content-encoding"] ?? answer.text;
    };
    for (const accepted of ["gzip", "gzip, deflate, br", "br;q=1.0, GZIP;q=0.5"]) {
      expect(await of(accepted), accepted).toBe("gzip");
    }
    for (const refused of [undefined, "", "br", "gzip;q=0", "br, gzip; q=0.0", "x-gzip-not"]) {
      expect(await of(refused), refused).toBe(LONG);
    }
    const answer = await fetch(`http://127.0.0.1:${server.port}${path}`); // accepts gzip
    expect(answer.headers.get("etag")).toBe('"packed"');
    expect(await answer.text()).toBe(LONG);
    const known = { "accept-encoding": "gzip", "if-none-match": '"packed"' };
    expect((await send("GET", path, known)).status).toBe(304);
    expect((await send("GET", path, { "if-none-match": '"packed"' })).status).toBe(200);
  });

  test("the policy permits this server and the stage in the address, and nothing else", async () => {
    const policyOf = async (query: string) =>
      String((await send("GET", `/console${query}`)).headers["content-security-policy"]);
    const connect = /connect-src ([^;]*);/;
    const own = `'self' ws://127.0.0.1:${server.port}`;
    expect(await policyOf("")).toMatch(/^default-src 'none'; script-src 'self'; style-src 'self';/);
    expect(connect.exec(await policyOf(""))?.[1]).toBe(own);
    const issuer = "&issuer=https://c.example/pool&auth=https://d.example";
    const stage = `?api=https://a.example/v1&live=wss://b.example/live${issuer}`;
    expect(connect.exec(await policyOf(stage))?.[1]).toBe(
      `${own} https://a.example wss://b.example https://c.example https://d.example`,
    );
    for (const api of [
      "http://a.example",
      "https://*.example",
      "https://a.example%3B%20script-src%20*",
      "javascript:alert(1)",
      "*",
      "data:text/html,x",
    ]) {
      expect(connect.exec(await policyOf(`?api=${api}`))?.[1], api).toBe(own);
    }
  });

  test("a Host that is no host of a URL, or another one, adds nothing to the policy", async () => {
    for (const host of ["a%", "%zz", "a;script-src", "evil.example", "localhost.evil.example"]) {
      const { status, headers } = await send("GET", "/console", { host });
      expect([host, status]).toEqual([host, 200]);
      expect(headers["content-security-policy"]).toContain("connect-src 'self'; base-uri");
    }
  });

  test("the page reloads itself during a build, and shows the error of a failed one", async () => {
    build = { state: "building" };
    expect(await send("GET", "/console")).toMatchObject({
      status: 200,
      headers: { refresh: "1" },
    });
    build = { state: "failed", reason: "<b>" };
    const failed = await send("GET", "/console");
    expect(failed.status).toBe(500);
    expect(failed.text).toContain("&lt;b>");
    build = ready;
  });

  test("a page that is open while the sources change still gets its scripts", async () => {
    await send("GET", "/console");
    const before = looks;
    for (const next of [{ state: "building" }, { ...ready, assets: new Map() }] as const) {
      build = next;
      expect((await send("GET", "/console/assets/index.js")).status).toBe(200);
      expect(looks).toBe(before);
    }
    await send("GET", "/console");
    expect((await send("GET", "/console/assets/index.js")).status).toBe(200);
    expect((await send("GET", "/console/assets/other.js")).status).toBe(404);
    build = ready;
  });
});

describe("tokens", () => {
  const wanted = JSON.stringify({ scopes: ["read:users"], sub: "ana", ttl: 60 });
  const own = () => ({
    host: `localhost:${server.port}`,
    origin: `http://localhost:${server.port}`,
    "sec-fetch-site": "same-origin",
    "content-type": "application/json",
  });

  test("the console's page gets the token that it requests", async () => {
    const { status, headers, text } = await send("POST", "/console/token", own(), wanted);
    expect({ status, cache: headers["cache-control"] }).toEqual({ status: 200, cache: "no-store" });
    const { token } = JSON.parse(text) as { token: string };
    expect(JSON.parse(token)).toEqual({ sub: "ana", scope: "read:users", ttl: 60 });
    expect(headers["access-control-allow-origin"]).toBeUndefined();
  });

  test.each([
    ["no origin", { origin: undefined }],
    ["another origin", { origin: "http://evil.example" }],
    ["another port", { origin: "http://localhost:1" }],
    ["an opaque origin", { origin: "null" }],
    ["another site", { "sec-fetch-site": "cross-site" }],
    ["the same site only", { "sec-fetch-site": "same-site" }],
    ["no Sec-Fetch-Site", { "sec-fetch-site": undefined }],
    ["a form", { "content-type": "application/x-www-form-urlencoded" }],
    ["text", { "content-type": "text/plain" }],
    ["another host name for this machine", { host: "evil.example", origin: "http://evil.example" }],
  ])("a request with %s gets no token", async (_, headers) => {
    const given = Object.entries({ ...own(), ...headers }).filter(([, value]) => value);
    const answer = await send("POST", "/console/token", Object.fromEntries(given), wanted);
    expect(answer).toMatchObject({ status: 403, text: '{"message":"Forbidden"}' });
  });

  test.each([
    ["a body that is not JSON", "{"],
    ["an unknown scope", { scopes: ["root"], sub: "ana", ttl: 60 }],
    ["a lifetime without end", { scopes: [], sub: "ana", ttl: 1e9 }],
    ["an invalid subject", { scopes: [], sub: "a b", ttl: 60 }],
    ["other claims", { scopes: [], sub: "ana", ttl: 60, iss: "x" }],
  ])("a request with %s is refused", async (_, body) => {
    const text = typeof body === "string" ? body : JSON.stringify(body);
    expect(await send("POST", "/console/token", own(), text)).toMatchObject({ status: 400 });
  });

  test("a body that is too large is refused", async () => {
    const answer = await send("POST", "/console/token", own(), "x".repeat(9_000));
    expect(answer.status).toBe(413);
  });
});
