import type { IncomingMessage, ServerResponse } from "node:http";
import * as z from "zod";
import { readBody } from "@stockwire/gateway/body";
import { type Issuer, TOKEN_TTL } from "../issuer/issuer.ts";
import { isLoopbackHost } from "../loopback.ts";
import type { Asset, Builder } from "./build.ts";

/**
 * The console at `/console`, and tokens with any scope for its page. A token is given to a page of this
 * server only: never to another web site that the user has open, nor to another machine.
 */
export interface ConsolePages {
  /** Returns false, and touches nothing, if the path is not `/console` or below it. */
  handle(req: IncomingMessage, res: ServerResponse): boolean;
}

interface Options {
  builder: Builder;
  sign: Issuer["sign"];
  scopes: readonly string[];
}

const MAX_BODY = 8 * 1024; // bytes
const KEPT_BUILDS = 3;
const YEAR = 31_536_000; // seconds

/** Serves what `builder` has built. The user may request tokens of all `scopes`. */
export function createConsole({ builder, sign, scopes }: Options): ConsolePages {
  const TokenRequest = z.strictObject({
    scopes: z.array(z.enum(scopes)),
    sub: z.string().regex(/^[\w.@-]{1,64}$/),
    ttl: z
      .int()
      .min(1)
      .max(12 * TOKEN_TTL),
  });

  const grant = async (req: IncomingMessage, res: ServerResponse): Promise<void> => {
    if (!isOwnPage(req)) return answer(res, 403, { message: "Forbidden" });
    const body = await readBody(req, MAX_BODY);
    if (body.outcome === "aborted") return;
    if (body.outcome === "too-large") return answer(res, 413, { message: "Too large" });
    const request = TokenRequest.safeParse(jsonOf(body.bytes));
    if (!request.success) return answer(res, 400, { message: z.prettifyError(request.error) });
    const { sub, ttl } = request.data;
    const token = sign({ claims: { sub, scope: request.data.scopes.join(" ") }, ttl });
    answer(res, 200, { token });
  };

  /** The assets of the pages that were sent, newest first. An open page requests its scripts later. */
  let served: readonly ReadonlyMap<string, Asset>[] = [];

  const sendPage = (req: IncomingMessage, res: ServerResponse): void => {
    const build = builder.current();
    if (build.state === "ready") {
      if (!served.includes(build.assets)) served = [build.assets, ...served].slice(0, KEPT_BUILDS);
      const headers = { ...PAGE_HEADERS, "content-security-policy": policy(req) };
      return send(req, res, build.page, headers);
    }
    const failed = build.state === "failed";
    const page = textPage(failed ? `The console can't be built\n\n${build.reason}` : BUILDING);
    const refresh = failed ? undefined : "1"; // seconds
    res.writeHead(failed ? 500 : 200, {
      ...PAGE_HEADERS,
      "content-security-policy": "default-src 'none'; img-src data:; frame-ancestors 'none'",
      "content-type": "text/html; charset=utf-8",
      ...(refresh && { refresh }),
    });
    res.end(page);
  };

  const assetOf = (name: string): Asset | undefined => {
    const known = served.find((assets) => assets.has(name)); // without a look at all sources
    if (known) return known.get(name);
    const build = builder.current();
    return build.state === "ready" ? build.assets.get(name) : undefined;
  };

  return {
    handle(req, res) {
      const path = /^\/console(?:\/[^?]*)?(?=\?|$)/.exec(req.url ?? "")?.[0];
      if (path === undefined) return false;
      if (path === "/console/token" && req.method === "POST") {
        grant(req, res).catch(() => res.destroy());
        return true;
      }
      if (req.method !== "GET" && req.method !== "HEAD") {
        res.writeHead(405, { allow: "GET, HEAD", "content-length": 0 }).end();
        return true;
      }
      if (path === "/console" || path === "/console/") {
        sendPage(req, res);
        return true;
      }
      const asset = assetOf(path.slice("/console/".length));
      if (!asset) answer(res, 404, { message: "Not Found" });
      else send(req, res, asset, { "cache-control": `public, max-age=${YEAR}, immutable` });
      return true;
    },
  };
}

const BUILDING = "Building the console. This takes a few seconds, and only the first time.";

const textPage = (text: string): string =>
  `<!doctype html><html lang="en"><meta charset="utf-8"><title>Stockwire console</title><link rel="icon" href="data:,"><pre>${escaped(text)}</pre></html>`;

const escaped = (text: string) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");

const PAGE_HEADERS = {
  "cache-control": "no-cache",
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
  "referrer-policy": "no-referrer",
  "x-frame-options": "DENY",
};

/**
 * The content security policy: the page loads its own files only. It may send requests to this server,
 * and to the stage that the parameters `api`, `live`, `issuer` and `auth` of its address name.
 */
function policy({ url = "", headers: { host = "localhost" } }: IncomingMessage): string {
  const { searchParams } = new URL(url, "http://localhost");
  const targets = ["api", "live", "issuer", "auth"].flatMap((name) => searchParams.getAll(name));
  const origins = [`ws://${host}`, ...targets].flatMap((text) => originOf(text) ?? []);
  const connect = [...new Set(["'self'", ...origins])].join(" ");
  return `default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src ${connect}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'`;
}

/**
 * The origin of a URL that the page may connect to: encrypted, or on this machine. Undefined for any
 * other text, and for one that could add another directive to the policy.
 */
function originOf(text: string): string | undefined {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (!url || !/^[\w.:[\]-]+$/.test(url.host)) return undefined;
  const isSecure = url.protocol === "https:" || url.protocol === "wss:";
  const isPlain = url.protocol === "http:" || url.protocol === "ws:";
  return isSecure || (isPlain && isLoopbackHost(url.host))
    ? `${url.protocol}//${url.host}`
    : undefined;
}

/**
 * True if a page of this server sends the request. A page of another origin cannot forge Origin and
 * Sec-Fetch-Site. With DNS rebinding Host is another domain.
 */
function isOwnPage({ headers, socket }: IncomingMessage): boolean {
  const { host = "", origin } = headers;
  const isLocal = /^(?:::1|(?:::ffff:)?127\.)/.test(socket.remoteAddress ?? "");
  const isOwnOrigin = isLoopbackHost(host) && origin === `http://${host}`;
  const isJson = /^application\/json\s*(?:;|$)/i.test(headers["content-type"] ?? "");
  return isLocal && isOwnOrigin && isJson && headers["sec-fetch-site"] === "same-origin";
}

function jsonOf(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString("utf8"));
  } catch {
    return undefined;
  }
}

function answer(res: ServerResponse, status: number, value: object): void {
  if (res.destroyed) return;
  const body = JSON.stringify(value);
  const length = Buffer.byteLength(body);
  const headers = { "content-type": "application/json", "content-length": length };
  res.writeHead(status, { ...headers, "cache-control": "no-store" }).end(body);
}

function send(
  req: IncomingMessage,
  res: ServerResponse,
  { type, plain, gzip }: Asset,
  headers: Readonly<Record<string, string>>,
): void {
  const packed = acceptsGzip(req.headers["accept-encoding"]) ? gzip : undefined;
  const { etag, body } = packed ?? plain;
  const common = {
    ...headers,
    etag,
    vary: "Accept-Encoding",
    "x-content-type-options": "nosniff",
  };
  if (req.headers["if-none-match"] === etag) return void res.writeHead(304, common).end();
  res.writeHead(200, {
    ...common,
    ...(packed && { "content-encoding": "gzip" }),
    "content-type": type,
    "content-length": body.length,
  });
  res.end(req.method === "HEAD" ? undefined : body);
}

/** RFC 9110, section 12.5.3. A weight of 0 means "not acceptable". */
const acceptsGzip = (header: string | string[] = ""): boolean =>
  String(header)
    .split(",")
    .some((coding) => {
      const [name = "", weight = ""] = coding.split(";").map((part) => part.trim().toLowerCase());
      return name === "gzip" && !/^q=0(?:\.0*)?$/.test(weight);
    });
