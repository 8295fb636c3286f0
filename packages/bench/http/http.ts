/** Requests through gateway, handler and engine, compared with Fastify and the SDK's defaults. */

import { tmpdir } from "node:os";
import { type Child, startChild } from "../child.ts";
import { type Context, openContext } from "../context.ts";
import type { Load, LoadResult } from "./load-process.ts";
import {
  atLeast,
  type Chart,
  fixed,
  median,
  pairedRatio,
  percentile,
  type Report,
} from "../report.ts";
import { attributes } from "../seed.ts";

/** `round` is in ms. V8 compiles during the first rounds, which are not counted. */
const FULL = { connections: 32, warmUps: 5, rounds: 6, round: 1_500 };
const SMOKE: typeof FULL = { connections: 2, warmUps: 1, rounds: 1, round: 50 };
const GOAL = 1.3; // times Fastify's

const SERVERS = ["stockwire", "fastify"] as const;
const METHODS = ["GET", "POST"] as const;
type Server = (typeof SERVERS)[number];

interface Round {
  perSecond: number;
  p50: number; // ms
  p99: number; // ms
  cpu: number; // µs of the server for one request
  load: number; // share of a core that the load took
}
type Rounds = Record<(typeof METHODS)[number], Record<Server, Round[]>>;

interface Listening {
  child: Child;
  port: number;
  token: string;
  paths: string[];
}

export async function http(context: Context): Promise<Report> {
  const sizes = context.smoke ? SMOKE : FULL;
  const rounds = await measureRounds(context, sizes);
  const onDisk = await measureOnDisk(context, sizes);
  const rows = METHODS.flatMap((method) => rowsOf(method, rounds[method]));
  return {
    tables: [
      {
        title: `http: ${sizes.connections} connections, medians of ${sizes.rounds} interleaved rounds of ${sizes.round / 1000} s`,
        head: ["", "stockwire", "fastify", "ratio", "goal", ""],
        rows,
        notes: [
          `Both servers are warm: each method has had ${sizes.warmUps} rounds before.`,
          "Stockwire verifies JWTs, logs requests and converts to Lambda's events, without throttles.",
          "Fastify has no authorization. A ratio above 1 means that Stockwire is better.",
          "Load, server and engine share this machine; the engine's files are in memory.",
        ],
      },
      {
        title: "http: the same with the engine's files on the disk",
        head: ["", "stockwire", "fastify", "ratio"],
        rows: rowsOf("POST", onDisk.POST).map((row) => row.slice(0, 4)),
        notes: [
          "The engine commits one write after another, and each waits for the disk (fsync). Both servers",
          "spend most of a request waiting for that.",
        ],
      },
    ],
    charts: [chartOf(rounds)],
    raw: { rounds, onDisk },
  };
}

/** The environment of the laptop's functions. */
export const laptopEnvironment = (context: Context) => ({
  ...context.env,
  LOG_LEVEL: "warn",
  PUBLIC_SCHEME: "http",
  ALLOWED_ORIGINS: "*",
});

async function measureOnDisk({ smoke }: Context, sizes: typeof FULL): Promise<Rounds> {
  const context = await openContext(smoke, tmpdir());
  try {
    return await measureRounds(context, { ...sizes, rounds: Math.min(sizes.rounds, 3) }, ["POST"]);
  } finally {
    await context.close();
  }
}

async function measureRounds(
  context: Context,
  sizes: typeof FULL,
  methods: readonly (typeof METHODS)[number][] = METHODS,
): Promise<Rounds> {
  const env = laptopEnvironment(context);
  const load = startChild("http/load-process.ts", env);
  const servers = {
    stockwire: await listen("http/laptop-process.ts", env, context.items.stockwire),
    fastify: await listen("http/fastify-server.ts", env, context.items.plain),
  };
  const rounds: Rounds = {
    GET: { stockwire: [], fastify: [] },
    POST: { stockwire: [], fastify: [] },
  };
  try {
    for (let n = -sizes.warmUps; n < sizes.rounds; n++) {
      for (const method of methods) {
        for (const name of SERVERS) {
          const round = await oneRound(load, servers[name], method, sizes);
          if (n >= 0) rounds[method][name].push(round);
        }
      }
    }
  } finally {
    const children = [load, servers.stockwire.child, servers.fastify.child];
    await Promise.all(children.map((child) => child.stop()));
  }
  return rounds;
}

async function listen(
  file: string,
  env: Record<string, string>,
  ids: string[],
): Promise<Listening> {
  const child = startChild(file, env);
  const { port, token } = await child.call<{ port: number; token: string }>("start");
  return { child, port, token, paths: ids.map((id) => `/items/${id}`) };
}

async function oneRound(
  load: Child,
  { child, port, token, paths }: Listening,
  method: (typeof METHODS)[number],
  sizes: typeof FULL,
): Promise<Round> {
  const common = { port, token, method, connections: sizes.connections, ms: sizes.round };
  const task: Load =
    method === "GET"
      ? { ...common, paths, status: 200 }
      : { ...common, paths: ["/items"], body: JSON.stringify(attributes(0)), status: 201 };
  const before = await child.call<NodeJS.CpuUsage>("cpu");
  const { latencies, seconds, cpu } = await load.call<LoadResult>("run", task);
  const after = await child.call<NodeJS.CpuUsage>("cpu");
  const used = after.user + after.system - before.user - before.system;
  return {
    perSecond: latencies.length / seconds,
    p50: median(latencies),
    p99: percentile(latencies, 0.99),
    cpu: used / latencies.length,
    load: cpu,
  };
}

function rowsOf(method: string, { stockwire, fastify }: Record<Server, Round[]>): string[][] {
  const row = (name: string, part: keyof Round, digits: number, judged = true) => {
    const own = stockwire.map((round) => round[part]);
    const other = fastify.map((round) => round[part]);
    const more = pairedRatio(own, other);
    const better = part === "perSecond" ? more : 1 / more;
    return [
      `${method} ${name}`,
      fixed(median(own), digits),
      fixed(median(other), digits),
      fixed(better),
      ...(judged ? atLeast(better, GOAL) : []),
    ];
  };
  const load = median([...stockwire, ...fastify].map((round) => round.load));
  return [
    row("requests a second", "perSecond", 0),
    row("p50, ms", "p50", 1),
    row("p99, ms", "p99", 1),
    row("server's CPU, µs a request", "cpu", 0, false),
    [`${method} load's share of a core`, fixed(load)],
  ];
}

function chartOf(rounds: Rounds): Chart {
  const perSecond = (method: (typeof METHODS)[number], server: Server) =>
    median(rounds[method][server].map((round) => round.perSecond));
  return {
    name: "http",
    title: "Requests a second through the laptop",
    unit: "requests a second",
    parts: [""],
    bars: METHODS.flatMap((method) =>
      SERVERS.map((server) => ({
        label: `${method}, ${server}`,
        values: [perSecond(method, server)],
        own: server === "stockwire",
      })),
    ),
  };
}
