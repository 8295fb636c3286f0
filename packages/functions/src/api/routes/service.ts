import { probe } from "@stockwire/core/store/dynamodb";
import { type Context, Hono } from "hono";
import { gunzipSync } from "node:zlib";
import { asyncapiGzip } from "../docs/asyncapi.gen.ts";
import { docsPage, type Page, problemsPage } from "../docs/page.ts";
import type { Env } from "../env.ts";
import { input } from "../input.ts";
import { openapiGzip } from "../docs/openapi.gen.ts";
import { Hello } from "../policy.ts";

/** What `/version` tells. */
export interface About {
  name: string;
  version: string;
  commit: string;
  stage: string;
  runtime: string;
}

const READY_WITHIN = 900; // ms

/** Sends a document that is kept gzipped, in base64. */
const sendJson = (c: Context<Env>, packed: string) =>
  c.body(gunzipSync(Buffer.from(packed, "base64")), 200, { "Content-Type": "application/json" });

/** Sends a page that may load its own inline parts and nothing else. */
const send = (c: Context<Env>, { html, policy }: Page) =>
  c.html(html, 200, {
    "Content-Security-Policy": policy,
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
  });

export const service = (about: About) =>
  new Hono<Env>()
    .get("/me", (c) => c.json(c.var.caller, 200))
    .get("/hello", input("query", Hello), (c) => {
      const { name } = c.req.valid("query");
      const message = `Hello, ${name}! Your request was successful.`;
      return c.json({ message, status: "success" as const }, 200);
    })
    .get("/health", (c) => c.json({ status: "ok" as const }, 200))
    .get("/ready", async (c) => {
      const started = performance.now();
      const dynamodb = await probe(AbortSignal.timeout(READY_WITHIN)).then(
        () => ({ status: "ok" as const }),
        () => ({ status: "unavailable" as const }),
      );
      const latencyMs = Math.round(performance.now() - started);
      const { status } = dynamodb;
      return c.json(
        { status, checks: { dynamodb: { status, latencyMs } } },
        status === "ok" ? 200 : 503,
      );
    })
    .get("/version", (c) => c.json(about, 200))
    .get("/openapi.json", (c) => sendJson(c, openapiGzip))
    .get("/asyncapi.json", (c) => sendJson(c, asyncapiGzip))
    .get("/docs", (c) => send(c, docsPage()))
    .get("/docs/problems", (c) => send(c, problemsPage()));
