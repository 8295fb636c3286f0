import { type Child, startChild } from "../child.ts";
import type { Context } from "../context.ts";
import type { Answered, Load } from "./load-process.ts";
import { atLeast, atMost, fixed, median, pairedRatio, percentile, type Report } from "../report.ts";
import { attributes } from "../seed.ts";
import type { Share } from "./share-process.ts";

const CONNECTIONS = 32;
const ROUNDS = 6;
const ROUND = 1_500; // ms
const GOAL = 1.3; // of Fastify's
const SHARE_GOAL = 0.3; // ms

const SERVERS = ["ours", "fastify"] as const;
const METHODS = ["GET", "POST"] as const;
type Server = (typeof SERVERS)[number];

interface Round {
  perSecond: number;
  p50: number; // ms
  p99: number; // ms
  cpu: number; // µs of the server's for one request
  load: number; // share of a core that the load took
}
type Rounds = Record<(typeof METHODS)[number], Record<Server, Round[]>>;

interface Listening {
  child: Child;
  port: number;
  token: string;
  paths: string[];
}

/** Through gateway, handler and engine, beside Fastify with the SDK as it comes. */
export async function http(context: Context): Promise<Report> {
  const rounds = await loaded(context);
  const share = await gatewayShare(context);
  const added = share.through - share.direct;
  const rows = METHODS.flatMap((method) => rowsOf(method, rounds[method]));
  return {
    tables: [
      {
        title: `http: ${CONNECTIONS} connections, medians of ${ROUNDS} interleaved rounds of ${ROUND / 1000} s`,
        head: ["", "ours", "fastify", "ratio", "goal", ""],
        rows,
        notes: [
          "Ours: JWT verified, access log, gateway's event and answer, no throttles. Fastify: no auth.",
          "Ratios are how many times better ours is. Load, server and engine share this machine.",
        ],
      },
      {
        title: "http: the gateway's own share of GET /items/{id}, one at a time, ms at the median",
        head: ["", "ms", "goal", ""],
        rows: [
          ["through the gateway", fixed(share.through)],
          ["the handler called directly", fixed(share.direct)],
          ["gateway's share", fixed(added), ...atMost(added, SHARE_GOAL)],
          ["  of it server and socket", fixed(share.bare)],
        ],
      },
    ],
    raw: { rounds, share },
  };
}

async function loaded(context: Context): Promise<Rounds> {
  const env = { ...context.env, LOG_LEVEL: "warn", PUBLIC_SCHEME: "http", ALLOWED_ORIGINS: "*" };
  const load = startChild("http/load-process.ts", env);
  const servers = {
    ours: await listen("http/laptop-process.ts", env, context.items.ours),
    fastify: await listen("http/fastify-server.ts", env, context.items.plain),
  };
  const rounds: Rounds = { GET: { ours: [], fastify: [] }, POST: { ours: [], fastify: [] } };
  try {
    for (let n = -1; n < ROUNDS; n++) {
      for (const method of METHODS) {
        for (const name of SERVERS) {
          const round = await oneRound(load, servers[name], method);
          if (n >= 0) rounds[method][name].push(round); // the first warms up
        }
      }
    }
  } finally {
    await Promise.all([load, servers.ours.child, servers.fastify.child].map((each) => each.stop()));
  }
  return rounds;
}

async function listen(
  file: string,
  env: Record<string, string>,
  ids: string[],
): Promise<Listening> {
  const child = startChild(file, env);
  const { port, token } = await child.ask<{ port: number; token: string }>("start");
  return { child, port, token, paths: ids.map((id) => `/items/${id}`) };
}

async function oneRound(
  load: Child,
  { child, port, token, paths }: Listening,
  method: (typeof METHODS)[number],
): Promise<Round> {
  const common = { port, token, method, connections: CONNECTIONS, ms: ROUND };
  const task: Load =
    method === "GET"
      ? { ...common, paths, status: 200 }
      : { ...common, paths: ["/items"], body: JSON.stringify(attributes(0)), status: 201 };
  const before = await child.ask<NodeJS.CpuUsage>("cpu");
  const { latencies, seconds, cpu } = await load.ask<Answered>("run", task);
  const after = await child.ask<NodeJS.CpuUsage>("cpu");
  const used = after.user + after.system - before.user - before.system;
  return {
    perSecond: latencies.length / seconds,
    p50: median(latencies),
    p99: percentile(latencies, 0.99),
    cpu: used / latencies.length,
    load: cpu,
  };
}

function rowsOf(method: string, { ours, fastify }: Record<Server, Round[]>): string[][] {
  const row = (name: string, part: keyof Round, digits: number, judged = true) => {
    const [mine, theirs] = [ours, fastify].map((rounds) => rounds.map((round) => round[part]));
    if (!mine || !theirs) throw new Error("there are two servers");
    const more = pairedRatio(mine, theirs);
    const better = part === "perSecond" ? more : 1 / more;
    return [
      `${method} ${name}`,
      fixed(median(mine), digits),
      fixed(median(theirs), digits),
      fixed(better),
      ...(judged ? atLeast(better, GOAL) : []),
    ];
  };
  const load = median([...ours, ...fastify].map((round) => round.load));
  return [
    row("requests a second", "perSecond", 0),
    row("p50, ms", "p50", 1),
    row("p99, ms", "p99", 1),
    row("server's CPU, µs a request", "cpu", 0, false),
    [`${method} load's share of a core`, fixed(load)],
  ];
}

async function gatewayShare(context: Context) {
  const env = { ...context.env, LOG_LEVEL: "warn", PUBLIC_SCHEME: "http", ALLOWED_ORIGINS: "*" };
  const child = startChild("http/share-process.ts", env);
  try {
    const path = `/items/${context.items.ours[0]}`;
    const { through, direct, bare } = await child.ask<Share>("measure", { path, count: 1500 });
    return { through: median(through), direct: median(direct), bare: median(bare) };
  } finally {
    await child.stop();
  }
}
