import * as SignedToken from "@stockwire/core/store/signed-token";
import * as DynamoDB from "@stockwire/core/store/dynamodb";
import { createClient } from "@stockwire/core/store/client";
import * as ChangeLog from "@stockwire/core/changes/log";
import { FEEDS, resources } from "@stockwire/core/catalog/index";
import { Hono } from "hono";
import { afterEach, describe, expect, test, vi } from "vitest";
import { createApp } from "./app.ts";
import { readConfig } from "../config.ts";
import { createLog } from "../telemetry/log.ts";
import { createMeasure } from "../telemetry/metric.ts";
import type { Env } from "./env.ts";
import { routes } from "./policy.ts";
import { route, routesOf } from "./route.ts";

const about = { name: "stockwire", version: "0", commit: "0", stage: "test", runtime: "node" };
const authorizer = { jwt: { claims: { sub: "ana", scope: "admin" } } };
const env = { requestContext: { authorizer } };

/** A store at which nobody answers. */
const useNoStore = () =>
  DynamoDB.configure({
    client: createClient({
      region: "us-east-1",
      endpoint: "http://127.0.0.1:1",
      credentials: { accessKeyId: "local", secretAccessKey: "local" },
    }),
    tableName: "Data",
    changes: "Changes",
    shards: 4,
  });

SignedToken.configure("a secret of the tests, long enough for one");

/** A store whose replies `reply` gives, from the key of a read. */
const useReplies = (reply: (pk: string) => Promise<object>) =>
  DynamoDB.configure({
    client: {
      send: (_: string, { Key }: { Key?: { pk: string } }) => reply(Key?.pk ?? ""),
    } as never,
    tableName: "Data",
    changes: "Changes",
    shards: 4,
  });

const lines: Record<string, unknown>[] = [];
const measure = createMeasure("routes", "test");
const log = createLog("debug", "test", (line) => {
  lines.push(JSON.parse(line) as Record<string, unknown>);
});
const appWith = (settings: object = {}) =>
  createApp({ about, log, measure, origins: ["*"], secure: false, ...settings });

afterEach(() => {
  lines.length = 0;
});

describe("the policy", () => {
  test("has every route of the app, and no other", () => {
    const served = appWith()
      .routes.filter(({ method }) => method !== "ALL")
      .map(({ method, path }) => `${method} ${path.replaceAll(/:(\w+)/g, "{$1}")}`);
    const declared = routes.map(({ method, path }) => `${method} ${path}`);
    expect([...new Set(served)].toSorted()).toEqual(declared.toSorted());
    expect(new Set(declared).size).toBe(declared.length);
  });

  test("opens only the routes that docs/contract.md lists", () => {
    const open = routes.filter(({ access }) => access === "open").map(({ path }) => path);
    expect(open.toSorted()).toEqual(
      [
        "/asyncapi.json",
        "/docs",
        "/docs/problems",
        "/health",
        "/hello",
        "/openapi.json",
        "/ready",
        "/version",
      ].toSorted(),
    );
    // What /changes gives is read under its topic's scope.
    expect(routes.filter(({ access }) => access === "token").map(({ path }) => path)).toEqual([
      "/changes",
      "/live/tickets",
      "/changes/stream",
      "/me",
    ]);
  });

  test("gives at most 100 entries, whatever limit a request asks for", () => {
    const limits = routes.flatMap(({ path, query }) => {
      const limit = query?.shape["limit"] as { parse: (text: string) => unknown } | undefined;
      return limit ? [[path, limit.parse("1000000"), limit.parse("100"), limit.parse("99")]] : [];
    });
    expect(limits).toHaveLength(11); // five lists, five histories, and the change log
    for (const [path, ...given] of limits) expect([path, ...given]).toEqual([path, 100, 100, 99]);
  });

  test("has a schema for each route that takes a body", () => {
    const without = routes.filter(
      ({ method, body }) => /^(?:POST|PUT|PATCH)$/.test(method) && !body,
    );
    expect(without.map(({ path }) => path)).toEqual([
      "/reservations/{id}/confirm",
      "/reservations/{id}/cancel",
      "/live/tickets",
    ]);
  });

  test("never lets one scope read and write", () => {
    for (const { method, path, access } of routes) {
      if (access === "open" || access === "token" || access === "reserve:inventory") continue;
      expect([path, access.split(":")[0]]).toEqual([path, method === "GET" ? "read" : "write"]);
    }
  });
});

describe("a route", () => {
  const described = () => route({ summary: "A test", access: "open", answers: { 200: null } });

  test("must start with its description", () => {
    const app = new Hono<Env>().get("/users/bare", (c) => c.body(null));
    expect(() => routesOf(app)).toThrow("GET /users/bare does not start with route()");
  });

  test("is described once", () => {
    const app = new Hono<Env>()
      .get("/users/twice", described(), (c) => c.body(null))
      .get("/users/twice", described(), (c) => c.body(null));
    expect(() => routesOf(app)).toThrow("GET /users/twice is described twice");
  });

  test("of no resource needs a tag", () => {
    const app = new Hono<Env>().get("/nowhere", described(), (c) => c.body(null));
    expect(() => routesOf(app)).toThrow("GET /nowhere has no tag");
  });

  test.each(FEEDS)("of %s: history, one record, and its not-found code", (feed) => {
    const of = (path: RegExp) =>
      routes.find(({ method, path: each }) => method === "GET" && path.test(each));
    const history = of(new RegExp(`^/${feed}/\\{\\w+\\}/history$`));
    expect(history).toMatchObject({ access: resources[feed].scopes.read });
    expect(history?.alsoNeeds).toBe("read:history");
    const one = of(new RegExp(`^/${feed}/\\{\\w+\\}$`));
    expect(one?.refusals).toContain(resources[feed].records.notFound);
    expect(one?.feeds).toContain(feed);
    expect(one?.tag).toBe(resources[feed].tag);
  });
});

describe("failures", () => {
  test("a bug is answered with a bare 500, and its stack is logged once", async () => {
    DynamoDB.configure({
      client: null as never,
      tableName: "secret-table",
      changes: "secret-table",
      shards: 4,
    });
    const answer = await appWith().request(
      "/items",
      { headers: { "x-request-id": "request-0001" } },
      env,
    );
    const text = await answer.text();
    expect(answer.status).toBe(500);
    expect(JSON.parse(text)).toMatchObject({ code: "internal", requestId: "request-0001" });
    expect(text).not.toMatch(/TypeError|null|secret-table|at /);
    const errors = lines.filter(({ level }) => level === "ERROR");
    expect(errors).toHaveLength(1);
    expect(errors[0]).toMatchObject({ requestId: "request-0001", error: { name: "TypeError" } });
    expect(JSON.stringify(errors[0])).toContain("at ");
  });

  test("a store that does not answer is 503 with Retry-After, and /ready reports it", async () => {
    useNoStore();
    const answer = await appWith().request("/items", {}, env);
    expect([answer.status, answer.headers.get("retry-after")]).toEqual([503, "1"]);
    const ready = await appWith().request("/ready");
    expect(ready.status).toBe(503);
    expect(await ready.json()).toMatchObject({ checks: { dynamodb: { status: "unavailable" } } });
    expect((await appWith().request("/health")).status).toBe(200);
  });

  test.each([
    [undefined, 25_000],
    [{ deadline: 40 }, 40],
  ])("a request that never ends is 503 before its gateway would end it (%j)", async (given, ms) => {
    vi.useFakeTimers();
    try {
      const app = appWith(given).get("/never", () => new Promise<Response>(() => {}));
      let answer: Response | undefined;
      void Promise.resolve(app.request("/never")).then((ended) => (answer = ended));
      await vi.advanceTimersByTimeAsync(ms - 1);
      expect(answer).toBeUndefined();
      await vi.advanceTimersByTimeAsync(1);
      expect(answer?.status).toBe(503);
      expect(answer?.headers.get("retry-after")).toBe("1");
      expect(answer?.headers.get("x-request-id")).toBeTruthy();
      expect(await answer?.json()).toMatchObject({
        code: "unavailable",
        detail: "This took too long; try again",
      });
    } finally {
      vi.useRealTimers();
    }
  });
});

describe("the Feed-Cursor of a read", () => {
  test.each(["/items/a", "/users/a", "/products/a"])(
    "of %s is read before the record, so that no change between the two is missed",
    async (path) => {
      ChangeLog.reset(); // no cursor of an earlier read is reused
      const events: string[] = [];
      useReplies(async (pk) => {
        if (pk === "SETTINGS") return { Item: { shards: 4 } };
        const what = pk.startsWith("HEAD#") ? "head" : "record";
        events.push(`${what} asked`);
        await new Promise((resolve) => setImmediate(resolve));
        events.push(`${what} read`);
        return {};
      });
      try {
        expect((await appWith().request(path, {}, env)).status).toBe(404);
        expect(events.filter((event) => event.startsWith("record"))).toHaveLength(2);
        expect(events.indexOf("record asked")).toBeGreaterThan(events.lastIndexOf("head read"));
        expect(events).toContain("head read");
      } finally {
        ChangeLog.reset();
      }
    },
  );
});

describe("the log", () => {
  test("has one line per request, without anything that the client sent", async () => {
    useNoStore();
    const canary = "c4n4ry";
    await appWith().request(
      `/users/${canary}?email=${canary}`,
      {
        method: "PATCH",
        headers: {
          authorization: `Bearer ${canary}`,
          cookie: canary,
          "x-api-key": canary,
          "content-type": "application/json",
        },
        body: JSON.stringify({ name: canary, email: `${canary}@example.com`, phone: canary }),
      },
      env,
    );
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatchObject({
      level: "INFO",
      message: "request",
      service: "test",
      method: "PATCH",
      route: "/users/{id}",
      status: 400,
      requestId: expect.any(String),
    });
    expect(JSON.stringify(lines)).not.toContain(canary);
  });

  test("counts and times each request, for the stage and for the route", async () => {
    useReplies(async () => ({}));
    await appWith().request("/health");
    await appWith().request("/nowhere");
    await appWith({ measure: createMeasure("on", "test") }).request("/health");
    await appWith().request("/changes?wait=1", {}, env);
    const [known, unknown, ofStage, waited] = lines;
    expect(known).toMatchObject({
      stage: "test",
      method: "GET",
      route: "/health",
      Count: 1,
      "4XX": 0,
      "5XX": 0,
      Latency: expect.any(Number),
      _aws: {
        Timestamp: expect.any(Number),
        CloudWatchMetrics: [
          {
            Namespace: "Stockwire",
            Dimensions: [["stage"], ["stage", "method", "route"]],
            Metrics: [
              { Name: "Count", Unit: "Count" },
              { Name: "4XX", Unit: "Count" },
              { Name: "5XX", Unit: "Count" },
              { Name: "Latency", Unit: "Milliseconds" },
            ],
          },
        ],
      },
    });
    const dimensions = { _aws: { CloudWatchMetrics: [{ Dimensions: [["stage"]] }] } };
    expect(unknown).toMatchObject({ "4XX": 1, ...dimensions });
    expect(ofStage).toMatchObject(dimensions);
    expect(waited).not.toHaveProperty("Latency");
  });

  test("names the trace of the invocation", () => {
    const heard: string[] = [];
    process.env["_X_AMZN_TRACE_ID"] = "Root=1-5759e988-bd862e3fe1be;Parent=53995c3f42cd;Sampled=1";
    createLog("info", "test", (line) => heard.push(line)).info("i", {});
    delete process.env["_X_AMZN_TRACE_ID"];
    expect(JSON.parse(heard[0] ?? "")).toMatchObject({ xray_trace_id: "1-5759e988-bd862e3fe1be" });
  });

  test("writes the lines of the configured level and above", () => {
    const heard: string[] = [];
    for (const level of ["debug", "info", "warn", "error", "silent"] as const) {
      const at = createLog(level, level, (line) => heard.push(line));
      at.info("i", {});
      at.error("e", new Error("x"), {});
    }
    const seen = heard.map((line) => {
      const { service, level } = JSON.parse(line) as { service: string; level: string };
      return `${service} ${level}`;
    });
    expect(seen).toEqual([
      "debug INFO",
      "debug ERROR",
      "info INFO",
      "info ERROR",
      "warn ERROR",
      "error ERROR",
    ]);
  });
});

describe("configuration", () => {
  const sound = {
    DATA_TABLE: "Data",
    CHANGES_TABLE: "Changes",
    CONNECTIONS_TABLE: "Connections",
    CURSOR_SECRET: "x".repeat(32),
  };

  test("has defaults for optional settings", () => {
    expect(readConfig(sound)).toMatchObject({
      AWS_REGION: "us-east-1",
      LIST_SHARDS: 4,
      LOG_LEVEL: "info",
      ALLOWED_ORIGINS: [],
    });
    expect(readConfig({ ...sound, LOG_LEVEL: "INFO" }).LOG_LEVEL).toBe("info");
  });

  test("refuses a bad value at start, naming the setting without its value", () => {
    const secret = "short and secret";
    const read = () =>
      readConfig({
        CURSOR_SECRET: secret,
        LIST_SHARDS: "0",
        LOG_LEVEL: "loud",
        ALLOWED_ORIGINS: "*,https://a.example",
      });
    for (const name of [
      "DATA_TABLE",
      "CHANGES_TABLE",
      "CONNECTIONS_TABLE",
      "CURSOR_SECRET",
      "LIST_SHARDS",
      "LOG_LEVEL",
      "ALLOWED_ORIGINS",
    ]) {
      expect(read).toThrow(name);
    }
    expect(read).not.toThrow(secret);
  });
});
