/** Routes about the service itself: identity, health, documents. */

import { lazy } from "@stockwire/core/lazy";
import { probe } from "@stockwire/core/store/dynamodb";
import { type Context, Hono } from "hono";
import * as z from "zod";
import type { Page } from "../docs/page.ts";
import type { Env } from "../env.ts";
import { route } from "../route.ts";

const READY_WITHIN = 900; // ms

const Me = lazy(() =>
  z
    .object({
      sub: z.string(),
      kind: z.enum(["user", "client"]),
      scopes: z.array(z.string()),
      expiresAt: z.iso.datetime().nullable(),
    })
    .meta({ id: "Me" }),
);

const Greeting = lazy(() =>
  z.object({ message: z.string(), status: z.literal("success") }).meta({ id: "Greeting" }),
);

const Health = lazy(() => z.object({ status: z.literal("ok") }).meta({ id: "Health" }));

const Version = lazy(() =>
  z
    .object({
      name: z.string(),
      version: z.string(),
      commit: z.string(),
      stage: z.string(),
      runtime: z.string(),
      /** Of the stage of a REST API. They are shown only; nothing is selected by them. */
      stageVariables: z
        .object({ lambdaAlias: z.string().optional(), tableName: z.string().optional() })
        .optional(),
    })
    .meta({ id: "Version" }),
);

const Status = () => z.enum(["ok", "unavailable"]);
const Readiness = lazy(() =>
  z
    .object({
      status: Status(),
      checks: z.object({ dynamodb: z.object({ status: Status(), latencyMs: z.int() }) }),
    })
    .meta({ id: "Readiness" }),
);

const Hello = lazy(() => z.strictObject({ name: z.string().max(200).default("World") }));
const OpenApiVersion = lazy(() =>
  z.strictObject({ version: z.enum(["3.1", "3.0"]).default("3.1") }),
);
const Document = lazy(() => z.looseObject({}));
const Html = lazy(() => z.string());

const open = { tag: "Service", access: "open" } as const;

/**
 * Documents and pages are imported by the first request for them, so that a cold start does not parse
 * them.
 */
const descriptions = () => import("../docs/descriptions.ts");
const pages = () => import("../docs/page.ts");

// `c.json` would put the document's type into the type of the app, and so into the client's.
const sendDocument = async (
  c: Context<Env>,
  name: "asyncapi" | "openapi",
  convert = (document: Readonly<Record<string, unknown>>): object => document,
) => {
  const { default: documents } = await descriptions();
  return c.body(JSON.stringify(convert(documents[name])), 200, {
    "Content-Type": "application/json",
  });
};

/** Sends a page with a policy under which only its own inline script and style run. */
const sendPage = (c: Context<Env>, { html, policy }: Page) =>
  c.html(html, 200, {
    "Content-Security-Policy": policy,
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
  });

export const service = new Hono<Env>()
  .get(
    "/me",
    route({
      summary: "Get the caller, as the token says",
      tag: "Service",
      access: "token",
      answers: { 200: Me },
    }),
    (c) => c.json(c.var.caller, 200),
  )
  .get(
    "/hello",
    route({
      ...open,
      summary: "Get a greeting",
      query: Hello,
      answers: { 200: Greeting },
    }),
    (c) => {
      const { name } = c.req.valid("query");
      const message = `Hello, ${name || "World"}! Your request was successful.`;
      return c.json({ message, status: "success" as const }, 200);
    },
  )
  .get(
    "/health",
    route({
      ...open,
      summary: "Check that the process answers",
      partner: "open",
      answers: { 200: Health },
    }),
    (c) => c.json({ status: "ok" as const }, 200),
  )
  .get(
    "/ready",
    route({
      ...open,
      summary: "Check that the store answers within a second",
      answers: { 200: Readiness, 503: Readiness },
    }),
    async (c) => {
      const started = performance.now();
      const status = await probe(AbortSignal.timeout(READY_WITHIN)).then(
        () => "ok" as const,
        () => "unavailable" as const,
      );
      const latencyMs = Math.round(performance.now() - started);
      const checks = { dynamodb: { status, latencyMs } };
      return c.json({ status, checks }, status === "ok" ? 200 : 503);
    },
  )
  .get(
    "/version",
    route({
      ...open,
      summary: "Get the version that runs",
      partner: "metered",
      answers: { 200: Version },
    }),
    (c) => {
      const stageVariables = c.env?.requestContext?.stageVariables;
      return c.json({ ...c.var.about, ...(stageVariables && { stageVariables }) }, 200);
    },
  )
  .get(
    "/openapi.json",
    route({
      ...open,
      summary: "Get this document",
      query: OpenApiVersion,
      answers: { 200: Document },
    }),
    async (c) => {
      if (c.req.valid("query").version === "3.1") return sendDocument(c, "openapi");
      const { openapi30 } = await import("../docs/openapi30.ts");
      return sendDocument(c, "openapi", openapi30);
    },
  )
  .get(
    "/asyncapi.json",
    route({ ...open, summary: "Get the Live API's document", answers: { 200: Document } }),
    (c) => sendDocument(c, "asyncapi"),
  )
  .get(
    "/docs",
    route({
      ...open,
      summary: "Read the API reference, and try the API in it",
      answers: { 200: Html },
    }),
    async (c) => sendPage(c, (await pages()).docsPage()),
  )
  .get(
    "/docs/problems",
    route({ ...open, summary: "Read what each problem code means", answers: { 200: Html } }),
    async (c) => sendPage(c, (await pages()).problemsPage()),
  );
